import { Client } from "@sensocto/client";
import { FileStore } from "@sensocto/client/node"; // in a browser leave the store out: it is IndexedDB
import WebSocket from "ws"; // for Node; a browser has its own

const client = new Client({
  url: process.env.SENSOCTO_SERVER!,
  token: process.env.SENSOCTO_TOKEN!,
  transport: WebSocket,
  store: new FileStore(process.env.STRAP_OUTBOX!), // what is not acknowledged outlives the process
});
const strap = client.device({ sensorId: "strap", sensorName: "Chest strap", attributes: [{ attribute_id: "heartrate", unit: "bpm" }] });
strap.on("refused", ({ samples }) => console.log(`the outbox is full: ${samples} lost`));

for (let i = 0; i < 500; i++) {
  strap.queueMeasurement({ attribute_id: "heartrate", payload: 60 + (i % 20), timestamp: Date.now() });
  await new Promise((resolve) => setTimeout(resolve, 10));
}
await strap.synced(); // all of it is on the server's disk
console.log(`done, ${strap.refused} refused`);
await client.close();
