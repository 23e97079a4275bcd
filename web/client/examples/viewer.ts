import { Client } from "@sensocto/client";
import WebSocket from "ws"; // for Node; a browser has its own

const client = new Client({ url: process.env.SENSOCTO_SERVER!, token: process.env.SENSOCTO_TOKEN!, transport: WebSocket });
const view = client.sensor("strap", { history: 1000 }); // its newest samples first, then what is live
view.on("chunk", (chunk) => {
  if (chunk.kind === "samples") console.log(chunk.source, chunk.attributeId, chunk.times.length, chunk.values.at(-1));
});
view.on("lagged", ({ samples }) => console.log(`${samples} came merged, in buckets`));
view.on("gap", ({ from, to }) => console.log(`missed ${to - from} ms: read the history`));
view.on("ended", (error) => console.log(error.message));
