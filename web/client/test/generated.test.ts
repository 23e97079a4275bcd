import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { generate } from "../scripts/generate.mjs";

test("the types of the API are those of the server's document (npm run generate)", async () => {
  expect(readFileSync(new URL("../src/api.gen.ts", import.meta.url), "utf8")).toBe(await generate());
});
