import type { Notice } from "../domain/bus.ts";
import { WatchedBus } from "./watched-bus.ts";

/** The bus of a single process. */
export class InProcessBus extends WatchedBus {
  publish(notice: Notice): void {
    this.tell(notice);
  }
}
