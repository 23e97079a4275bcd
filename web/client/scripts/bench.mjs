// How long the hot paths take: reading binary columns, and the outbox with its encoder.
// npm run bench

import { build } from "esbuild";

const { outputFiles } = await build({
  stdin: { contents: 'export * from "./src/index.ts"; export { readBinary } from "./src/viewer/runs.ts"; export { encodeBatch } from "./src/device/encode.ts";', resolveDir: new URL("..", import.meta.url).pathname },
  bundle: true,
  format: "esm",
  write: false,
});
const { encodeColumns, readBinary, encodeBatch } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);

/** The best of several rounds, in µs a call. */
function measure(name, calls, work) {
  let best = Infinity;
  for (let round = 0; round < 20; round++) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) work();
    best = Math.min(best, ((performance.now() - start) * 1000) / calls);
  }
  console.log(`${name}: ${best.toFixed(2)} µs`);
}

const n = 512;
const values = Float64Array.from({ length: n }, (_, i) => Math.fround(Math.sin(i / 7)));
const timestamps = Float64Array.from({ length: n }, (_, i) => 1.7e15 + Math.round((i * 1e6) / 512));
const raw = Int16Array.from({ length: n }, (_, i) => 900 * Math.sin(i / 7));
const forms = {
  "float32, explicit times": { times: "explicit", timestamps, form: "float32", values },
  "float64, explicit times": { times: "explicit", timestamps, form: "float64", values },
  "int16, regular times": { times: "regular", origin: 1.7e15, first: 0, rate: 512, form: "int16", raw, baseline: 0, gain: 200 },
};
for (const [name, form] of Object.entries(forms)) {
  const body = encodeColumns({}, [{ attributeId: "lead", ...form }]);
  measure(`read ${n} samples, ${name}`, 2000, () => readBinary(body));
}
const batch = { epoch: 1, seq: 1, stream: crypto.randomUUID(), streamSeq: 1, blocks: [{ attributeId: "lead", times: timestamps.map((t) => t / 1000), values }] };
measure(`encode a batch of ${n} samples`, 500, () => encodeBatch(batch));
const one = { ...batch, blocks: [{ attributeId: "lead", times: Float64Array.of(1.7e12), values: Float64Array.of(1) }] };
measure("encode a batch of one sample", 5000, () => encodeBatch(one));
