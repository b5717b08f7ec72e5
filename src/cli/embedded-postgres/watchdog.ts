import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import type { ServerUser } from "./server-user.ts";

/**
 * Ends another process when this one ends without doing so, even by `kill -9`: the kernel then closes our
 * end of the pipe, which ends the shell's `read`. The shell has a session of its own, out of reach of Ctrl-C.
 */
export function watchOver(pid: number, user: ServerUser): ChildProcess {
  const watchdog = spawn("sh", ["-c", 'read _; kill -INT "$0"', String(pid)], {
    ...user,
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  // The pipe must stay open as long as we live, but neither it nor the shell is a reason to live on.
  (watchdog.stdin as Socket).unref();
  watchdog.stdin!.on("error", () => {});
  watchdog.unref();
  return watchdog;
}
