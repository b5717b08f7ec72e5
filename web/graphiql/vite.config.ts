import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/graphiql/",
  plugins: [react()],
  // Two copies of graphql would each take the other's types for foreign ones.
  resolve: { dedupe: ["graphql", "react", "react-dom"] },
  worker: { format: "es" },
  build: {
    outDir: fileURLToPath(new URL("../../dist/web/graphiql", import.meta.url)),
    emptyOutDir: true,
    // The editor is one big chunk by nature, and it comes from the same machine.
    chunkSizeWarningLimit: 5_000,
  },
});
