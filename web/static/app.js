import { ask, element, forget, keep, onChange, token } from "./session.js";
import { socketURL, watch } from "./socket.js";
import { Trace } from "./trace.js";

const $ = (id) => document.getElementById(id);
const shown = 200; // rows
const trace = new Trace($("trace"));
let sensors = [], chosen = "", stop = () => {}, units = {};

onChange((word) => { // what is shown may not be for whoever comes now
  if (word === "out") forget();
  location.reload();
});

function say(text) { if ($("status").textContent !== text) $("status").textContent = text; }

async function refresh() {
  if (!document.hidden) {
    try {
      const answer = await ask("/api/v1/sensors");
      const body = await answer.json();
      if (answer.ok) show(body.sensors);
      else if (answer.status === 401 || answer.status === 403) login(token() ? body.detail : "This server asks for a token.");
      else say(body.detail);
    } catch {
      say("The server does not answer; trying again…");
    }
  }
  setTimeout(refresh, 2000);
}

function login(why) {
  say(why);
  for (const id of ["begin", "sensors"]) $(id).hidden = true;
  if ($("login").hidden) { $("login").hidden = false; $("token").focus(); }
}

function show(list) {
  sensors = list;
  $("login").hidden = true;
  $("begin").hidden = list.length > 0;
  $("sensors").hidden = list.length === 0;
  const online = list.filter((s) => s.activity_status === "online").length;
  say(`${list.length} ${list.length === 1 ? "sensor" : "sensors"}, ${online} sending`);
  $("more").textContent = list.length > shown ? `The first ${shown} of ${list.length}; the API has them all.` : "";
  const rows = new Map([...$("rows").children].map((r) => [r.dataset.id, r]));
  for (const s of list.slice(0, shown)) { fill(rows.get(s.sensor_id) ?? row(s), s); rows.delete(s.sensor_id); }
  rows.forEach((r) => r.remove());
  const current = list.find((s) => s.sensor_id === chosen);
  if (current) offer(current);
}

function row(s) {
  const pick = element("button", { type: "button", className: "pick", onclick: () => choose(s.sensor_id) });
  const r = element("tr", {}, element("th", { scope: "row" }, pick), ...["", "", ""].map(() => element("td")));
  r.dataset.id = s.sensor_id;
  $("rows").append(r);
  return r;
}

function fill(r, s) {
  const [name, state, attributes, rate] = r.children;
  name.firstChild.textContent = s.sensor_name || s.sensor_id;
  name.firstChild.setAttribute("aria-pressed", String(s.sensor_id === chosen));
  state.textContent = s.activity_status;
  attributes.textContent = s.attributes.map((a) => a.id).join(", ");
  rate.textContent = s.rates.measurements_per_second.toFixed(1);
}

function choose(id) {
  stop();
  chosen = id;
  const sensor = sensors.find((s) => s.sensor_id === id);
  $("live").hidden = false;
  $("live-title").textContent = sensor.sensor_name || id;
  $("attribute").replaceChildren();
  $("link").textContent = "Connecting…";
  trace.attribute = "";
  trace.clear();
  offer(sensor);
  stop = watch(id, { samples: (a, items, fresh) => trace.add(`${id}/${a}`, items, fresh), state: (text) => { $("link").textContent = text; } });
  show(sensors);
}

// offer keeps the choice of attributes up to date.
function offer(sensor) {
  units = Object.fromEntries(sensor.attributes.map((a) => [a.id, a.unit]));
  const known = new Set([...$("attribute").options].map((o) => o.value));
  for (const a of sensor.attributes) if (!known.has(a.id)) $("attribute").append(element("option", { value: a.id, textContent: a.attribute_name || a.id }));
  select();
}

function select() {
  trace.attribute = `${chosen}/${$("attribute").value}`;
  $("trace").setAttribute("aria-label", `Live trace of ${$("attribute").value}`);
  trace.redraw();
}

$("attribute").onchange = select;
$("login").onsubmit = async (e) => {
  e.preventDefault();
  keep($("token").value.trim());
  $("token").value = "";
  say("Asking the server…");
};
$("socket-url").textContent = socketURL();
for (const c of document.querySelectorAll(".command")) {
  const [code, copy] = c.children;
  code.textContent += ` --server ${location.origin}`;
  copy.onclick = async () => { await navigator.clipboard.writeText(code.textContent); copy.textContent = "Copied"; };
}
setInterval(() => {
  const last = trace.last();
  $("value").textContent = last ? `${+last.hi.toPrecision(6)} ${units[$("attribute").value] ?? ""}` : "";
}, 250);
refresh();
