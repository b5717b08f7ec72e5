export const SUPERUSER = "runcast";
export const DATABASE = "runcast";

/** Nothing of the caller's environment reaches PostgreSQL: PGDATA, PGPORT, TZ or a locale there would change it. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" };
}

/**
 * Given on every start rather than written into the cluster, so that clusters made by an older release follow.
 */
export function serverSettings(port: number, durable: boolean): Record<string, string> {
  return {
    port: String(port),
    listen_addresses: "127.0.0.1",
    // A socket path is limited to 107 bytes, which the folder of a project may exceed.
    unix_socket_directories: "",
    max_connections: "100",
    shared_buffers: "128MB",
    // Many short transactions on a few cores: parallel plans and compiled plans cost more than they give, and
    // parallel workers share memory through /dev/shm, of which a container has 64 MB.
    max_parallel_workers_per_gather: "0",
    jit: "off",
    timezone: "UTC",
    log_timezone: "UTC",
    log_checkpoints: "off",
    ...(durable ? {} : { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }),
  };
}
