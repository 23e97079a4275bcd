// Writes src/api.gen.ts from the server's OpenAPI document. With --check it
// only says whether the file is current.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import openapiTS, { astToString } from "openapi-typescript";

const document = new URL("../../testdata/openapi.json", import.meta.url);
const target = new URL("../src/api.gen.ts", import.meta.url);

/** The text of src/api.gen.ts. */
export async function generate() {
  const header = "// Generated from web/testdata/openapi.json by `npm run generate`. Do not edit.\n\n";
  return header + astToString(await openapiTS(document, { alphabetize: true, emptyObjectsUnknown: true }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await generate();
  if (!process.argv.includes("--check")) writeFileSync(target, text);
  else if (readFileSync(target, "utf8") !== text) {
    console.error("src/api.gen.ts is not current: run `npm run generate` in web/client");
    process.exit(1);
  }
}
