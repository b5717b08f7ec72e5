/** The data source of TypeORM's own command line: `node --import tsx node_modules/typeorm/cli.js -d ormconfig.ts`. */
import { createDataSource } from "./src/persistence/data-source.ts";

const url = process.env["DATABASE_URL"];
if (url === undefined) throw new Error("set DATABASE_URL to the database that the command is for");

export const dataSource = createDataSource({ url, poolSize: 2 });
