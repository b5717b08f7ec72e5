import type { TaskEquipment } from "../../src/orchestration/task-equipment.ts";

/** For tasks whose steps use no secrets and never speak for themselves. */
export const NO_EQUIPMENT: TaskEquipment = {
  secretsOf: async () => new Map(),
  tokenOf: () => "token",
  apiUrl: null,
};
