import { type Column, formatTable } from "../support/table.ts";
import type { DeliveriesResult, DeliveryCosts } from "./deliveries.ts";
import type { NeverReading } from "./memory.ts";

/** One line of the JSON. `_us` is CPU time per delivery, `_bytes` memory per client. */
export interface FanoutRow {
  readonly case: string;
  readonly subject_us?: number;
  readonly floor_us?: number;
  readonly subject_bytes?: number;
  readonly floor_bytes?: number;
  readonly peers: Readonly<Record<string, number>>;
  readonly ratio_floor: number;
  /** How many times as much the peer costs. */
  readonly ratio_peer: number;
  readonly budget: string;
  /** Null where there is no budget. */
  readonly ok: boolean | null;
}

export interface Sides<T> {
  readonly subject: T;
  readonly floor: T;
  readonly peer: T;
}

const PEER = "graphql-ws + graphql-redis-subscriptions";
const MOST_OF_FLOOR = 1.2;
const LEAST_OF_PEER = 5;
const MOST_IDLE_BYTES = 16 * 1024;

export function deliveriesRow(result: DeliveriesResult): FanoutRow {
  const { plan, subject, floor, peer, ratioFloor, ratioPeer } = result;
  return {
    case: `deliveries-${plan.subscribers}`,
    subject_us: subject.netUs,
    floor_us: floor.netUs,
    peers: { [PEER]: peer.netUs },
    ratio_floor: ratioFloor,
    ratio_peer: ratioPeer,
    budget: `<= ${MOST_OF_FLOOR}x floor and >= ${LEAST_OF_PEER}x better than the peer`,
    ok: ratioFloor <= MOST_OF_FLOOR && ratioPeer >= LEAST_OF_PEER,
  };
}

export function idleRow(subscribers: number, bytes: Sides<number>): FanoutRow {
  return {
    ...memoryRow(`idle-${subscribers}`, bytes),
    budget: `<= ${MOST_IDLE_BYTES} bytes`,
    ok: bytes.subject <= MOST_IDLE_BYTES,
  };
}

export function neverReadingRow(clients: number, { subject, floor, peer }: Sides<NeverReading>): FanoutRow {
  const bytes = { subject: subject.bytes, floor: floor.bytes, peer: peer.bytes };
  return { ...memoryRow(`never-reading-${clients}`, bytes), budget: "none", ok: null };
}

function memoryRow(name: string, { subject, floor, peer }: Sides<number>): Omit<FanoutRow, "budget" | "ok"> {
  return {
    case: name,
    subject_bytes: Math.round(subject),
    floor_bytes: Math.round(floor),
    peers: { [PEER]: Math.round(peer) },
    ratio_floor: subject / floor,
    ratio_peer: peer / subject,
  };
}

type Line<T> = T & { readonly name: string };

function linesOf<T extends object>({ subject, floor, peer }: Sides<T>): Line<T>[] {
  return [
    { name: "runcast", ...subject },
    { name: "floor", ...floor },
    { name: PEER, ...peer },
  ];
}

const COSTS: readonly Column<Line<DeliveryCosts>>[] = [
  { title: "", value: ({ name }) => name },
  { title: "CPU us", value: ({ netUs }) => netUs, digits: 2 },
  { title: "all", value: ({ grossUs }) => grossUs, digits: 2 },
  { title: "- idle", value: ({ idleUs }) => idleUs, digits: 2 },
  { title: "- producing", value: ({ producingUs }) => producingUs, digits: 2 },
  { title: "load CPU us", value: ({ loadUs }) => loadUs, digits: 2 },
  { title: "bytes", value: ({ messageBytes }) => messageBytes },
  { title: "p50 ms", value: ({ p50Ms }) => p50Ms, digits: 1 },
  { title: "p99 ms", value: ({ p99Ms }) => p99Ms, digits: 1 },
];

export function formatDeliveries(result: DeliveriesResult): string {
  const { subscribers, pace, rounds } = result.plan;
  const title = `deliveries: ${subscribers} subscribers, ${pace.events} events, one every ${pace.intervalMs} ms, ${rounds} rounds; medians, per delivery`;
  return `${title}\n${formatTable(COSTS, linesOf(result))}\n${formatRatios(deliveriesRow(result))}`;
}

const IDLE: readonly Column<Line<{ readonly bytes: number }>>[] = [
  { title: "", value: ({ name }) => name },
  { title: "bytes", value: ({ bytes }) => bytes },
];

export function formatIdle(subscribers: number, bytes: Sides<number>): string {
  const { subject, floor, peer } = bytes;
  const lines = linesOf({ subject: { bytes: subject }, floor: { bytes: floor }, peer: { bytes: peer } });
  const title = `idle: ${subscribers} subscribers who are told nothing; memory of the server, per subscriber`;
  return `${title}\n${formatTable(IDLE, lines)}\n${formatRatios(idleRow(subscribers, bytes))}`;
}

const NEVER_READING: readonly Column<Line<NeverReading>>[] = [
  ...IDLE,
  { title: "of RSS", value: ({ rss }) => rss },
  { title: "after s", value: ({ seconds }) => seconds, digits: 1 },
  { title: "got all later", value: ({ complete }) => complete },
  { title: "closed", value: ({ closures }) => formatClosures(closures) },
];

export function formatNeverReading(clients: number, events: number, sides: Sides<NeverReading>): string {
  const title = `never-reading: ${clients} clients who never read, ${events} events; growth of the server's memory, per client`;
  return `${title}\n${formatTable(NEVER_READING, linesOf(sides))}`;
}

function formatClosures(closures: Readonly<Record<string, number>>): string {
  const parts = Object.entries(closures).map(([why, count]) => `${count}x ${why}`);
  return parts.length === 0 ? "-" : parts.join(", ");
}

function formatRatios({ ratio_floor, ratio_peer, budget, ok }: FanoutRow): string {
  const ratios = `ratio to the floor: ${ratio_floor.toFixed(2)}; the peer costs ${ratio_peer.toFixed(2)}x as much`;
  return `${ratios}; budget ${budget}: ${ok ? "met" : "NOT met"}`;
}
