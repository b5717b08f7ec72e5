import type { RunState } from "../../src/domain/run-state.ts";
import type { Engine } from "../../src/orchestration/transition.ts";
import { lockRuns } from "../../src/persistence/run-store.ts";

/** Everything that is stored about a run. */
export interface RunRecord {
  readonly id: string;
  readonly state: RunState;
  readonly row: CounterRow & { readonly last_seq: number; readonly expected_pools: readonly number[] };
  readonly stages: readonly CounterRow[];
  readonly steps: readonly {
    readonly ready_pool: number | null;
    readonly session_id: string | null;
    readonly xid: string;
  }[];
  readonly attempts: readonly AttemptRow[];
  readonly events: readonly EventRow[];
}

export interface CounterRow {
  readonly open_steps: number;
  readonly active_steps: number;
  /** The transaction that wrote this version of the row. */
  readonly xid: string;
}

export interface AttemptRow {
  readonly step_idx: number;
  readonly number: number;
  readonly fence: number;
  readonly status: string;
  readonly code: string | null;
  readonly message: string | null;
}

export interface EventRow {
  readonly seq: number;
  readonly type: string;
  readonly payload: {
    readonly step?: number;
    readonly stage?: number;
    readonly status: string;
    readonly attempt?: number;
    readonly reason: { readonly code: string } | null;
  };
  readonly xid: string;
}

const LOOK = `select
  (select json_build_object('open_steps', r.open_steps, 'active_steps', r.active_steps, 'last_seq', r.last_seq,
      'xid', r.xmin::text, 'expected_pools', (select json_agg(w.pool_id order by w.idx) from workflow_step w
        where w.version_id = r.workflow_version_id))
    from workflow_run r where r.id = i.id) as row,
  (select json_agg(json_build_object('open_steps', g.open_steps, 'active_steps', g.active_steps,
      'xid', g.xmin::text) order by g.idx) from stage_run g where g.run_id = i.id) as stages,
  (select json_agg(json_build_object('ready_pool', s.ready_pool, 'session_id', s.session_id::text,
      'xid', s.xmin::text) order by s.idx) from step_run s where s.run_id = i.id) as steps,
  (select coalesce(json_agg(json_build_object('step_idx', a.step_idx, 'number', a.number, 'fence', a.fence,
      'status', a.status, 'code', a.status_reason ->> 'code', 'message', a.status_reason ->> 'message')
      order by a.step_idx, a.number), '[]') from step_attempt a where a.run_id = i.id) as attempts,
  (select coalesce(json_agg(json_build_object('seq', e.seq, 'type', e.type, 'payload', e.payload,
      'xid', (e.xid::text::numeric % 4294967296)::text) order by e.seq), '[]') from run_event e
    where e.run_id = i.id) as events
  from (select $1::uuid as id) i`;

/** Nothing of the run moves while it is read: its lock keeps reports away, the locks of its steps keep claims. */
export async function readRun(engine: Engine, id: string): Promise<RunRecord> {
  return await engine.database.transaction(async (transaction) => {
    await transaction.query({ text: "select from workflow_run where id = $1 for no key update" }, [id]);
    const steps = "select from step_run where run_id = $1 order by idx for no key update";
    await transaction.query({ text: steps }, [id]);
    const state = (await lockRuns(transaction, [id], engine.versions)).get(id)!.state;
    const [rows] = await transaction.query<Omit<RunRecord, "id" | "state">>({ text: LOOK }, [id]);
    return { id, state, ...rows! };
  });
}
