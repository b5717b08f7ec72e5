/**
 * The one source of time. Code never asks the machine directly: the application injects a clock that follows
 * the database's time, tests inject one they move by hand.
 */
export interface Clock {
  now(): Date;
}
