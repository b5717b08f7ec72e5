import { Column, Entity, Index, PrimaryColumn } from "typeorm";
import { RUN_EVENT_TYPES, type RunEventType } from "../../domain/events.ts";
import { STEP_RUN_STATUSES, type StepRunStatus } from "../../domain/statuses.ts";
import { bool, integer, json, oneOf, text, time, transactionId, uuid } from "./columns.ts";

/** One end of one start of a step. Written once, when it ends. */
@Entity("step_attempt")
export class StepAttemptEntity {
  @PrimaryColumn(uuid("run_id")) runId!: string;
  @PrimaryColumn(integer("step_idx")) stepIndex!: number;
  @PrimaryColumn(integer("number")) number!: number;
  @Column(integer("fence")) fence!: number;
  @Column(oneOf("status", "step_run_status", STEP_RUN_STATUSES)) status!: StepRunStatus;
  @Column(json("status_reason", { nullable: true })) statusReason!: unknown;
  @Column(uuid("runner_id", { nullable: true })) runnerId!: string | null;
  @Column(time("started_at")) startedAt!: Date;
  @Column(time("finished_at")) finishedAt!: Date;
  @Column(integer("exit_code", { nullable: true })) exitCode!: number | null;
  @Column(json("output", { nullable: true })) output!: Record<string, unknown> | null;
  @Column(text("error", { nullable: true })) error!: string | null;
  @Column(integer("log_length", { nullable: true })) logLength!: number | null;
  @Column(text("log_crc32", { nullable: true })) logCrc32!: string | null;
  /** Its runner told how it ended; else it was given up for lost. */
  @Column(bool("reported", { default: true })) reported!: boolean;
}

@Entity("run_event")
@Index("run_event_traces", { synchronize: false })
export class RunEventEntity {
  @PrimaryColumn(uuid("run_id")) runId!: string;
  @PrimaryColumn(integer("seq")) seq!: number;
  @Column(transactionId) xid!: string;
  @Column(oneOf("type", "run_event_type", RUN_EVENT_TYPES)) type!: RunEventType;
  @Column(time("at")) at!: Date;
  @Column(uuid("actor_id", { nullable: true })) actorId!: string | null;
  @Column(json("payload")) payload!: unknown;
}

/**
 * Where a log stands: part 0 of a lease is the step's own, each other one that of a test. The fence names the attempt
 * before its number is known.
 */
@Entity("log_stream")
@Index("log_stream_unsettled", { synchronize: false })
@Index("log_stream_kept", { synchronize: false })
export class LogStreamEntity {
  @PrimaryColumn(uuid("run_id")) runId!: string;
  @PrimaryColumn(integer("step_idx")) stepIndex!: number;
  @PrimaryColumn(integer("fence")) fence!: number;
  @PrimaryColumn(integer("part", { default: 0 })) part!: number;
  @Column(integer("length")) length!: number;
  @Column(integer("line_count")) lineCount!: number;
  /** CRC-32 of all bytes so far. */
  @Column({ name: "crc32", type: "bigint" }) crc32!: string;
  @Column(bool("sealed")) sealed!: boolean;
  /** Of a part other than 0: what its runner said that it will be. Part 0 has it with its attempt. */
  @Column(integer("final_length", { nullable: true })) finalLength!: number | null;
  /** It was cut where it became too long. */
  @Column(bool("truncated", { default: false })) truncated!: boolean;
  /** Nothing comes to it any more, and it lies where it is to stay. */
  @Column(bool("settled", { default: false })) settled!: boolean;
  /** Its bytes were given up after the time for which logs are kept. */
  @Column(bool("dropped", { default: false })) dropped!: boolean;
  /** Where its bytes are once they have left the chunks. */
  @Column(text("blob_key", { nullable: true })) blobKey!: string | null;
  /** Some of the places in the blob where a record begins, ascending: bytes, and lines, before each. */
  @Column(integer("blob_bytes", { array: true, nullable: true })) blobBytes!: number[] | null;
  @Column(integer("blob_lines", { array: true, nullable: true })) blobLines!: number[] | null;
}

@Entity("log_chunk")
export class LogChunkEntity {
  @PrimaryColumn(uuid("run_id")) runId!: string;
  @PrimaryColumn(integer("step_idx")) stepIndex!: number;
  @PrimaryColumn(integer("fence")) fence!: number;
  @PrimaryColumn(integer("part", { default: 0 })) part!: number;
  @PrimaryColumn(integer("byte_offset")) byteOffset!: number;
  @Column(integer("line_offset")) lineOffset!: number;
  @Column(integer("line_count")) lineCount!: number;
  @Column({ name: "data", type: "bytea" }) data!: Buffer;
}
