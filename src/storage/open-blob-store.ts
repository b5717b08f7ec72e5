import type { BlobStore } from "./blob-store.ts";
import { FolderStore } from "./folder-store.ts";
import { S3Store } from "./s3-store.ts";

/** The settings of an object store: all of them, or none of those that can be null. */
export interface StoreConfig {
  readonly s3Endpoint: string | null;
  readonly s3Bucket: string | null;
  readonly s3Region: string;
  readonly s3AccessKeyId: string | null;
  readonly s3SecretAccessKey: string | null;
  readonly s3Prefix: string;
}

/** The object store where one is configured, or else the folder. */
export function openBlobStore({
  filesDir,
  ...store
}: Partial<StoreConfig> & { readonly filesDir: string }): BlobStore {
  const { s3Endpoint, s3Bucket, s3AccessKeyId, s3SecretAccessKey, s3Region, s3Prefix } = store;
  if (s3Endpoint == null || s3Bucket == null || s3AccessKeyId == null || s3SecretAccessKey == null)
    return new FolderStore(filesDir);
  return new S3Store({
    endpoint: s3Endpoint,
    bucket: s3Bucket,
    region: s3Region ?? "us-east-1",
    accessKeyId: s3AccessKeyId,
    secretAccessKey: s3SecretAccessKey,
    prefix: s3Prefix ?? "",
  });
}
