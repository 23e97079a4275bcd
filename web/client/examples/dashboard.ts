import { Client } from "@sensocto/client";
import WebSocket from "ws"; // for Node; a browser has its own

const client = new Client({ url: process.env.SENSOCTO_SERVER!, token: process.env.SENSOCTO_TOKEN!, transport: WebSocket });
const list = client.sensors();
await list.loaded();

const viewer = client.viewer();
viewer.on("chunk", ({ sensorId, attributeId, kind }) => console.log(sensorId, attributeId, kind));
await viewer.watch([...list.sensors.keys()], "low"); // all of them, scrolled out of view
list.on("changed", ({ added }) => void viewer.watch(added.map((s) => s.sensor_id), "low"));
await viewer.setAttention({ strap: "high" }); // somebody points at this one
