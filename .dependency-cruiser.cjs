// The layer table of docs/architecture.md: each folder lists the only folders it may import.
const layers = {
  domain: [],
  config: [],
  client: [],
  definitions: ["domain"],
  observability: ["config"],
  persistence: ["domain", "observability"],
  // Files by key; knows nothing of what they are.
  storage: [],
  realtime: ["domain", "persistence", "observability"],
  logs: ["domain", "persistence", "realtime", "storage", "observability"],
  artifacts: ["domain", "persistence", "storage", "observability"],
  // Readers of report files: streams in, test cases out.
  "test-reports": ["domain"],
  orchestration: ["domain", "persistence", "observability"],
  actions: ["domain", "definitions", "persistence", "orchestration"],
  duties: [
    "domain",
    "persistence",
    "orchestration",
    "actions",
    "logs",
    "artifacts",
    "storage",
    "observability",
  ],
  runner: ["domain", "observability", "test-reports"],
  graphql: [
    "domain",
    "actions",
    "orchestration",
    "realtime",
    "logs",
    "artifacts",
    "storage",
    "persistence/queries",
  ],
  http: [
    "graphql",
    "domain",
    "actions",
    "realtime",
    "logs",
    "artifacts",
    "storage",
    "persistence/queries",
    "config",
    "observability",
  ],
};

module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    {
      name: "domain-is-pure",
      comment: "domain/ decides; it knows no package, no clock and no I/O.",
      severity: "error",
      from: { path: "^src/domain/" },
      to: { dependencyTypes: ["npm", "npm-dev", "core"] },
    },
    ...Object.entries(layers).map(([folder, allowed]) => ({
      name: `layer-${folder}`,
      severity: "error",
      from: { path: `^src/${folder}/` },
      to: { path: "^src/", pathNot: [folder, ...allowed].map((name) => `^src/${name}/`) },
    })),
    {
      name: "migrations-stand-alone",
      comment: "A migration must mean the same for ever: it imports nothing of today's source.",
      severity: "error",
      from: { path: "^migrations/" },
      to: { path: "^src/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
  },
};
