import { token } from "./session.js";

// The token as the subprotocol that Phoenix clients use for it.
const base64url = (s) => btoa(s).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const protocols = () => (token() ? ["phoenix", "base64url.bearer.phx." + base64url(token())] : []);
export const socketURL = () => location.origin.replace(/^http/, "ws") + "/socket/websocket";

// watch joins data:{id} and hands over what arrives, until it is stopped.
// A lost connection is made again after 1, 2, 4 … 15 seconds.
export function watch(id, { samples, state }) {
  const topic = `data:${id}`;
  let socket, beat, retry, wait = 1000, over = false;
  const send = (ref, on, event, payload) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify([on === topic ? "1" : null, ref, on, event, payload]));
  };
  const visibility = () => send("3", topic, "visibility_changed", { visible: !document.hidden });
  const events = {
    measurement: (m) => samples(m.attribute_id, [m]),
    measurements_batch: (b) => b.measurements.forEach((m) => samples(m.attribute_id, [m])),
    phx_reply: (reply, ref) => {
      if (ref !== "1") return;
      if (reply.status !== "ok") return state(`Refused: ${reply.response.reason}`);
      wait = 1000;
      state("Live");
      Object.entries(reply.response.history ?? {}).forEach(([a, list]) => samples(a, list, true));
      if (document.hidden) visibility();
    },
    phx_close: () => socket.close(),
    phx_error: () => socket.close(),
  };
  const connect = () => {
    socket = new WebSocket(socketURL() + "?vsn=2.0.0", protocols());
    socket.onopen = () => {
      send("1", topic, "phx_join", { history: 5000, attention: "high" });
      beat = setInterval(() => send("2", "phoenix", "heartbeat", {}), 25000);
    };
    socket.onmessage = ({ data }) => {
      const [, ref, on, event, payload] = JSON.parse(data);
      if (on === topic) events[event]?.(payload, ref);
    };
    socket.onclose = () => {
      clearInterval(beat);
      if (over) return;
      state("Connection lost; trying again…");
      retry = setTimeout(connect, wait);
      wait = Math.min(wait * 2, 15000);
    };
  };
  document.addEventListener("visibilitychange", visibility);
  connect();
  return () => {
    over = true;
    clearTimeout(retry);
    document.removeEventListener("visibilitychange", visibility);
    socket.close();
  };
}
