/**
 * Writes the typed documents that codegen.yml asks for; with --check it only compares.
 * The generator's own command line tool would do the same, with two hundred packages more.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { preset } from "@graphql-codegen/client-preset";
import { codegen } from "@graphql-codegen/core";
import { buildSchema, parse, Source } from "graphql";
import { parse as parseYaml } from "yaml";

interface Output {
  /** Of the form FOLDER/**\/*.graphql */
  readonly documents: string;
  readonly presetConfig: Record<string, unknown>;
}

interface CodegenConfig {
  readonly schema: string;
  readonly config: Record<string, unknown>;
  readonly generates: Readonly<Record<string, Output>>;
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function render(config: CodegenConfig, folder: string, output: Output): Promise<Map<string, string>> {
  const sdl = readFileSync(config.schema, "utf8");
  const documents = filesBelow(output.documents.replace("/**/*.graphql", ""))
    .filter((file) => file.endsWith(".graphql"))
    .map((location) => ({ location, rawSDL: readFileSync(location, "utf8") }))
    .map((source) => ({ ...source, document: parse(new Source(source.rawSDL, source.location)) }));
  if (documents.length === 0) return new Map();
  const sections = await preset.buildGeneratesSection({
    baseOutputDir: folder,
    schema: parse(sdl),
    schemaAst: buildSchema(sdl),
    documents,
    config: config.config,
    presetConfig: output.presetConfig,
    plugins: [],
    pluginMap: {},
  });
  // The preset's second file serves operations written inside source code; ours have files of their own.
  const typed = sections.filter(({ filename }) => filename.endsWith("/graphql.ts"));
  const files = typed.map(async (section) => [section.filename, await codegen(section)] as const);
  return new Map(await Promise.all(files));
}

function differences(folder: string, files: ReadonlyMap<string, string>): string[] {
  const onDisk = filesBelow(folder);
  const stale = onDisk.filter((file) => files.get(file) !== readFileSync(file, "utf8"));
  return [...stale, ...[...files.keys()].filter((file) => !onDisk.includes(file))];
}

function write(folder: string, files: ReadonlyMap<string, string>): void {
  rmSync(folder, { recursive: true, force: true });
  for (const [file, text] of files) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

const config = parseYaml(readFileSync("codegen.yml", "utf8")) as CodegenConfig;
for (const [folder, output] of Object.entries(config.generates)) {
  const files = await render(config, folder, output);
  if (!process.argv.includes("--check")) {
    write(folder, files);
    continue;
  }
  for (const file of differences(folder, files)) {
    console.error(`${file} is not what the schema and the operations say; run: npm run types`);
    process.exitCode = 1;
  }
}
