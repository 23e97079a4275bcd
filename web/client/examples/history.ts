import { Client, envelope } from "@sensocto/client";
import WebSocket from "ws"; // for Node; a browser has its own

const client = new Client({ url: process.env.SENSOCTO_SERVER!, token: process.env.SENSOCTO_TOKEN!, transport: WebSocket });
const day = await client.history("strap", "heartrate", { from: Date.now() - 86_400_000, maxBuckets: 800 });
const { min, max, count } = envelope(day.runs); // one bucket a pixel, whatever the zoom
console.log(`${count.reduce((a, b) => a + b, 0)} samples in ${min.length} buckets, at most ${Math.max(...max)}`);

let samples = 0;
for await (const runs of client.samples("strap", "heartrate")) for (const run of runs) if (run.kind === "samples") samples += run.values.length;
console.log(`${samples} samples, one by one`);
await client.close();
