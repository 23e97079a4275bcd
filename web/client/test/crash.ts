// A device that measures until it is killed, and says up to which value it has saved.

import WebSocket from "ws";
import { Client } from "../src/index.js";
import { FileStore } from "../src/node.js";

const { SENSOCTO_SERVER, SENSOCTO_TOKEN, OUTBOX, FIRST } = process.env;
const client = new Client({ url: SENSOCTO_SERVER!, token: SENSOCTO_TOKEN!, transport: WebSocket, store: new FileStore(OUTBOX!) });
const device = client.device({ sensorId: "strap" });
for (let value = Number(FIRST); ; value++) {
  device.queueMeasurement({ attribute_id: "n", payload: value, timestamp: 1.7e12 + value });
  await device.saved();
  process.stdout.write(`${value}\n`);
  if (value % 40 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}
