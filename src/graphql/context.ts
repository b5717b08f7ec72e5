import type { SecretBox } from "../actions/secret-box.ts";
import type { SecretVault } from "../actions/secret-vault.ts";
import type { SignedLinks } from "../actions/signed-links.ts";
import type { TaskTokens } from "../actions/task-tokens.ts";
import type { Viewer } from "../domain/access.ts";
import type { MaskStream } from "../logs/file-content.ts";
import type { ClaimDesk } from "../orchestration/claim.ts";
import type { ReportCollector } from "../orchestration/report.ts";
import type { RunnerSessions } from "../orchestration/runners.ts";
import type { Engine } from "../orchestration/transition.ts";
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
  readonly viewer: Viewer;
  readonly correlationId: string;
  /** Size of the request's body, once it was read; 0 over WebSocket, where every message is small. */
  requestBytes: number;
  /** Aborted when the client hung up. */
  readonly signal: AbortSignal;
}

/** One operation of one viewer. */
export interface RequestContext extends Services, OperationDetails {
  /** Each object is read once per operation - and once per batch of a subscription, which must see what is new. */
  readonly loaders: Loaders;
  /** Lets go of what was read: a subscription may last for days. */
  forget(): void;
  /** The same operation at a later moment, perhaps for another viewer: what it reads is read anew. */
  later(viewer?: Viewer): RequestContext;
}

export function createContext(services: Services, details: OperationDetails): RequestContext {
  const { database, clock } = services.engine;
  let loaders: Loaders | null = null;
  const own: Omit<RequestContext, keyof Services> = {
    correlationId: details.correlationId,
    requestBytes: details.requestBytes,
    signal: details.signal,
    // Roles may change while a subscription lasts.
    get viewer() {
      return details.viewer;
    },
    get loaders() {
      loaders ??= createLoaders(database, clock);
      return loaders;
    },
    forget() {
      loaders = null;
    },
    later: (viewer = details.viewer) =>
      createContext(services, {
        viewer,
        correlationId: details.correlationId,
        requestBytes: 0,
        signal: details.signal,
      }),
  };
  // Not copied: there may be thousands of contexts that do nothing but wait.
  return Object.setPrototypeOf(own, services) as RequestContext;
}
