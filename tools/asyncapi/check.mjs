// Holds an AsyncAPI document against the schema of its version. `node check.mjs HOME FILE`, HOME having node_modules as the lock
// file says. Ends with 1 and every mistake if it is not valid.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [home, file] = process.argv.slice(2);
const require = createRequire(join(home, "package.json"));
const { default: Ajv } = require("ajv");
const { default: formats } = require("ajv-formats");

const document = JSON.parse(readFileSync(file, "utf8"));
const schema = require(`@asyncapi/specs/schemas/${document.asyncapi}-without-$id.json`);
// Not strict: the schema is of draft 7 and has words of its own.
const ajv = new Ajv({ allErrors: true, strict: false });
formats(ajv);
const valid = ajv.compile(schema);
if (!valid(document)) {
  for (const { instancePath, message, params } of valid.errors) {
    console.error(`${instancePath} ${message} ${JSON.stringify(params)}`);
  }
  process.exit(1);
}
console.log(`AsyncAPI ${document.asyncapi}: ${Object.keys(document.components.messages).length} messages`);
