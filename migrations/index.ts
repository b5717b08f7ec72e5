/** Every migration, oldest first. Listed by hand: a glob would load nothing from a bundled or compiled tree. */
export { Initial1795000000000 } from "./1795000000000-initial.ts";
export { Actions1796000000000 } from "./1796000000000-actions.ts";
export { Storage1797000000000 } from "./1797000000000-storage.ts";
export { Logs1798000000000 } from "./1798000000000-logs.ts";
export { Tests1799000000000 } from "./1799000000000-tests.ts";
export { Secrets1800000000000 } from "./1800000000000-secrets.ts";
export { Artifacts1801000000000 } from "./1801000000000-artifacts.ts";
export { UndoneTests1802000000000 } from "./1802000000000-undone-tests.ts";
export { RunChanges1803000000000 } from "./1803000000000-run-changes.ts";
