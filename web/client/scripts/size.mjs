// Says how large what an app imports is, minified and compressed.

import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const imports = {
  everything: "export * from '@sensocto/client'",
  "Client (devices, viewers, history, rooms, API)": "export { Client } from '@sensocto/client'",
  "decodeColumns alone": "export { decodeColumns } from '@sensocto/client'",
};

for (const [name, contents] of Object.entries(imports)) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: new URL("..", import.meta.url).pathname },
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
    alias: { "@sensocto/client": "./src/index.ts" },
  });
  const code = outputFiles[0].contents;
  console.log(`${name}: ${code.length} bytes, gzip ${gzipSync(code, { level: 9 }).length}`);
}
