import type { SecretBox } from "../actions/secret-box.ts";
import type { SecretVault } from "../actions/secret-vault.ts";
import type { SignedLinks } from "../actions/signed-links.ts";
import type { TaskTokens } from "../actions/task-tokens.ts";
import type { Viewer } from "../domain/access.ts";
import type { MaskStream } from "../logs/file-content.ts";
import type { LogHub } from "../logs/log-hub.ts";
import type { ClaimDesk } from "../orchestration/claim.ts";
import type { ReportCollector } from "../orchestration/report.ts";
import type { RunnerSessions } from "../orchestration/runners.ts";
import type { Engine } from "../orchestration/transition.ts";
import type { ChangeFeed } from "../realtime/change-feed.ts";
import type { RunHub } from "../realtime/run-hub.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import { createLoaders, type Loaders } from "./loaders.ts";

/** How much is taken. */
export interface FileLimits {
  readonly maxLogBytes: number;
  readonly maxUploadBytes: number;
}

/** What every request can reach. Made once, by the application. */
export interface Services {
  readonly engine: Engine;
  /** What subscriptions follow. */
  readonly runHub: RunHub;
  readonly logHub: LogHub;
  readonly changeFeed: ChangeFeed;
  readonly reports: ReportCollector;
  readonly claims: ClaimDesk;
  readonly runners: RunnerSessions;
  /** Null without an encryption key: then nothing that needs one can be made or used. */
  readonly secrets: SecretBox | null;
  /** The secrets of projects and workflows. */
  readonly vault: SecretVault;
  readonly taskTokens: TaskTokens;
  /** Where files are kept. */
  readonly blobs: BlobStore;
  readonly links: SignedLinks;
  /** Of one artifact. */
  readonly maxArtifactBytes: number;
  readonly limits: FileLimits;
  /** What hides the secrets of a workflow in a file that people send; null when there are none. */
  readonly maskFor: (projectId: string, workflowId: string) => Promise<MaskStream | null>;
  /** Where this server listens, such as http://127.0.0.1:4000 */
  readonly ownUrl: () => string;
  /** Under which people reach this server, for links; null when nobody said so. */
  readonly publicUrl: string | null;
}

/** Who asks, and how. */
export interface OperationDetails {
  /** Roles may change while a subscription lasts. */
  viewer(): Viewer;
  readonly correlationId: string;
  /** Aborted when the client hung up. */
  readonly signal: AbortSignal;
}

/** One operation of one viewer. */
export interface RequestContext extends Services, Omit<OperationDetails, "viewer"> {
  readonly viewer: Viewer;
  /** Size of the request's body, once it was read; 0 over WebSocket, where every message is small. */
  requestBytes: number;
  /** The project that a subscription named when it began, by its id: its slug may change meanwhile. Null = none. */
  followedProject: string | null;
  /** Each object is read once per operation - and once per batch of a subscription, which must see what is new. */
  readonly loaders: Loaders;
  /** Lets go of what was read: a subscription may last for days. */
  forget(): void;
  /** The same operation at a later moment, perhaps for another viewer: what it reads is read anew. */
  later(viewer?: Viewer): RequestContext;
}

export function createContext(services: Services, details: OperationDetails): RequestContext {
  return new Operation(services, details) as Operation & Services;
}

/**
 * A class, for there may be thousands that do nothing but wait: each is small. Apollo copies contexts property by
 * property, so nothing of it is #private.
 */
class Operation implements Omit<RequestContext, keyof Services> {
  requestBytes = 0;
  followedProject: string | null = null;
  private readonly shared: Services;
  private readonly details: OperationDetails;
  private kept: Loaders | null = null;

  constructor(services: Services, details: OperationDetails) {
    Object.assign(this, services);
    this.shared = services;
    this.details = details;
  }

  get viewer(): Viewer {
    return this.details.viewer();
  }

  get correlationId(): string {
    return this.details.correlationId;
  }

  get signal(): AbortSignal {
    return this.details.signal;
  }

  get loaders(): Loaders {
    const { database, clock } = this.shared.engine;
    this.kept ??= createLoaders(database, clock);
    return this.kept;
  }

  forget(): void {
    this.kept = null;
  }

  later(viewer = this.viewer): RequestContext {
    const { correlationId, signal } = this.details;
    const later = createContext(this.shared, { viewer: () => viewer, correlationId, signal });
    later.followedProject = this.followedProject;
    return later;
  }
}
