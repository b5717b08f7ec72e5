import {
  bucketName,
  duration,
  encryptionKey,
  flag,
  hostName,
  httpUrl,
  type Kind,
  keyPrefix,
  LOG_FORMATS,
  LOG_LEVELS,
  labels,
  name,
  names,
  oneOf,
  origins,
  path,
  places,
  postgresUrl,
  redisUrl,
  secretText,
  wholeNumber,
} from "./kinds.ts";

/** What a default may depend on besides the table itself. */
export interface Machine {
  readonly isTTY: boolean;
  readonly hostname: string;
}

export interface DerivedDefault {
  /** For people reading the table. */
  readonly text: string;
  from(machine: Machine, dataDir: string): string;
}

/** Written as in the environment; null = no value. */
type Default = string | null | DerivedDefault;

interface Setting<T, D extends Default = Default> {
  readonly variable: string;
  readonly kind: Kind<T>;
  readonly default: D;
  readonly description: string;
  /** The value itself, or a part of it, must never be shown. */
  readonly secret?: true;
}

function setting<T, D extends Default>(kind: Kind<T>, rest: Omit<Setting<T, D>, "kind">): Setting<T, D> {
  return { ...rest, kind };
}

/** Every setting there is. The parser, `runcast check-config` and `.env.example` are all made from this table. */
export const SETTINGS = {
  host: setting(hostName, {
    variable: "RUNCAST_HOST",
    default: "127.0.0.1",
    description: "Address the API listens on; 0.0.0.0 for every interface.",
  }),
  port: setting(wholeNumber(0, 65_535), {
    variable: "RUNCAST_PORT",
    default: "4000",
    description: "Port the API listens on; 0 for any free port.",
  }),
  publicUrl: setting(httpUrl, {
    variable: "RUNCAST_PUBLIC_URL",
    default: null,
    description:
      "URL under which people and runners reach the API, used in links; without it, host and port.",
  }),
  allowedOrigins: setting(origins, {
    variable: "RUNCAST_ALLOWED_ORIGINS",
    default: "",
    description: "Web origins besides the API's own that may open a WebSocket.",
  }),
  databaseUrl: setting(postgresUrl, {
    variable: "DATABASE_URL",
    default: null,
    description: "PostgreSQL 15 or newer; without it, the embedded one under RUNCAST_DATA_DIR.",
    secret: true,
  }),
  dbPoolSize: setting(wholeNumber(2, 1000), {
    variable: "RUNCAST_DB_POOL_SIZE",
    default: "10",
    description: "Most database connections one process opens.",
  }),
  encryptionKey: setting(encryptionKey, {
    variable: "RUNCAST_ENCRYPTION_KEY",
    default: null,
    description:
      "Key under which the secrets of webhooks are stored, the same for all processes; without it, no webhooks. `runcast dev` makes its own.",
    secret: true,
  }),
  redisUrl: setting(redisUrl, {
    variable: "REDIS_URL",
    default: null,
    description:
      "Redis through which several API processes hear of each other at once; without it, they look once a second.",
    secret: true,
  }),
  dataDir: setting(path, {
    variable: "RUNCAST_DATA_DIR",
    default: ".runcast",
    description: "Folder for the embedded database, stored files and the runner's work.",
  }),
  filesDir: setting(path, {
    variable: "RUNCAST_FILES_DIR",
    default: { text: "files inside RUNCAST_DATA_DIR", from: (_, dataDir) => `${dataDir}/files` },
    description: "Folder for logs, uploads and artifacts; replicas need one that they share.",
  }),
  s3Endpoint: setting(httpUrl, {
    variable: "RUNCAST_S3_ENDPOINT",
    default: null,
    description:
      "S3-compatible store for logs, uploads and artifacts, instead of RUNCAST_FILES_DIR. Needs bucket, access key and secret.",
  }),
  s3Bucket: setting(bucketName, {
    variable: "RUNCAST_S3_BUCKET",
    default: null,
    description: "Bucket in which they are kept.",
  }),
  s3Region: setting(name, {
    variable: "RUNCAST_S3_REGION",
    default: "us-east-1",
    description: "Region that requests to the store are signed for.",
  }),
  s3AccessKeyId: setting(secretText, {
    variable: "RUNCAST_S3_ACCESS_KEY_ID",
    default: null,
    description: "Access key of the store.",
  }),
  s3SecretAccessKey: setting(secretText, {
    variable: "RUNCAST_S3_SECRET_ACCESS_KEY",
    default: null,
    description: "Secret of the access key.",
    secret: true,
  }),
  s3Prefix: setting(keyPrefix, {
    variable: "RUNCAST_S3_PREFIX",
    default: "",
    description: "Before the name of every object, for a bucket that others use as well.",
  }),
  maxArtifactBytes: setting(wholeNumber(1_024, 10_737_418_240), {
    variable: "RUNCAST_MAX_ARTIFACT_BYTES",
    default: "52428800",
    description: "Most bytes that one artifact may have.",
  }),
  artifactRetentionMs: setting(duration, {
    variable: "RUNCAST_ARTIFACT_RETENTION",
    default: "90d",
    description: "How long artifacts are kept; those of a deleted run go with it.",
  }),
  maxLogBytes: setting(wholeNumber(1_024, 2_000_000_000), {
    variable: "RUNCAST_MAX_LOG_BYTES",
    default: String(2 ** 30),
    description:
      "Bytes that the log of one attempt, or of one test, may have; the rest is left out, which its last line says.",
  }),
  logRetentionMs: setting(duration, {
    variable: "RUNCAST_LOG_RETENTION",
    default: "90d",
    description: "How long after a run's end its logs, and the files added to them, are kept.",
  }),
  maxUploadBytes: setting(wholeNumber(1_024, 2 ** 40), {
    variable: "RUNCAST_MAX_UPLOAD_BYTES",
    default: String(50 * 2 ** 20),
    description: "Bytes that one file added to the logs of a run may have.",
  }),
  logLevel: setting(oneOf(LOG_LEVELS), {
    variable: "RUNCAST_LOG_LEVEL",
    default: "info",
    description: "Least severity that is logged.",
  }),
  logFormat: setting(oneOf(LOG_FORMATS), {
    variable: "RUNCAST_LOG_FORMAT",
    default: { text: "pretty on a terminal, else json", from: (m) => (m.isTTY ? "pretty" : "json") },
    description: "One JSON object a line, or lines for people.",
  }),
  shutdownGraceMs: setting(duration, {
    variable: "RUNCAST_SHUTDOWN_GRACE",
    default: "30s",
    description: "How long a stopping process waits for work in flight.",
  }),
  allowFileSources: setting(flag, {
    variable: "RUNCAST_ALLOW_FILE_SOURCES",
    default: "false",
    description: "Whether the runner checks out sources from file URLs, that is from its own disk.",
  }),
  url: setting(httpUrl, {
    variable: "RUNCAST_URL",
    default: null,
    description: "API that runners and the commands of the CLI talk to.",
  }),
  token: setting(secretText, {
    variable: "RUNCAST_TOKEN",
    default: null,
    description: "Token that runners and the commands of the CLI present there.",
    secret: true,
  }),
  runnerName: setting(name, {
    variable: "RUNCAST_RUNNER_NAME",
    default: { text: "name of the host", from: (m) => m.hostname.replace(/[^\w.-]+/g, "-") },
    description: "Name under which the runner appears.",
  }),
  runnerQueues: setting(names, {
    variable: "RUNCAST_RUNNER_QUEUES",
    default: "default",
    description: "Queues the runner serves.",
  }),
  runnerLabels: setting(labels, {
    variable: "RUNCAST_RUNNER_LABELS",
    default: "",
    description: "Labels the runner offers to steps that ask for them.",
  }),
  runnerCapacity: setting(wholeNumber(1, 1000), {
    variable: "RUNCAST_RUNNER_CAPACITY",
    default: "4",
    description: "Steps the runner works on at the same time.",
  }),
  runnerHttpAllow: setting(places, {
    variable: "RUNCAST_RUNNER_HTTP_ALLOW",
    default: "",
    description: "Hosts and networks that http steps may ask although their addresses are not public.",
  }),
  runnerWorkDir: setting(path, {
    variable: "RUNCAST_RUNNER_WORK_DIR",
    default: { text: "work inside RUNCAST_DATA_DIR", from: (_, dataDir) => `${dataDir}/work` },
    description: "Folder in which the runner keeps its workspaces.",
  }),
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof SETTINGS;

type ValueOf<S> = S extends { kind: Kind<infer T>; default: infer D }
  ? D extends null
    ? T | null
    : T
  : never;

export type Settings = { readonly [K in SettingName]: ValueOf<(typeof SETTINGS)[K]> };

export const SETTING_LIST: readonly (Setting<unknown> & { readonly name: SettingName })[] = Object.entries(
  SETTINGS,
).map(([key, value]) => ({ ...value, name: key as SettingName }));
