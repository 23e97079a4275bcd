import { ask, element, keep } from "./session.js";

const $ = (id) => document.getElementById(id);
let spec;

const resolve = (s) => (s.$ref ? spec.components.schemas[s.$ref.split("/").pop()] : s);

// shape writes a schema the way its JSON looks.
function shape(schema, indent = "") {
  const s = resolve(schema), types = [s.type].flat(), deeper = indent + "  ";
  const or = types.includes("null") ? " | null" : "";
  if (types.includes("array")) return `[${shape(s.items, indent)}, …]${or}`;
  if (s.properties) {
    const lines = Object.entries(s.properties).map(([name, p]) => `${deeper}${name}: ${shape(p, deeper)}${p.description ? "  // " + p.description : ""}`);
    return `{\n${lines.join("\n")}\n${indent}}${or}`;
  }
  if (s.oneOf) return s.oneOf.map((one) => shape(one, indent)).join(" | ");
  if (s.enum) return s.enum.map((v) => JSON.stringify(v)).join(" | ");
  return types.filter(Boolean).join(" | ") || "any";
}

// prose is a text whose `code` is shown as such.
const prose = (text) => text.split("`").map((part, i) => (i % 2 ? element("code", {}, part) : part));

// rights says what a credential needs for an operation.
function rights(o) {
  const scopes = Object.values(o.security?.[0] ?? {}).flat();
  if (scopes.length) return `needs the right ${scopes.join(", ")}`;
  return o.security?.length ? "for who is signed in" : "for everybody";
}

function parameterRow(p, asked) {
  const input = element("input", { name: p.name, required: Boolean(p.required), ariaLabel: p.name });
  input.dataset.in = p.in;
  return element("tr", {}, element("th", { scope: "row" }, p.name), element("td", {}, shape(p.schema)), element("td", {}, ...prose(p.description ?? "")), element("td", {}, asked ? input : ""));
}

function bodyOf(title, content) {
  return Object.entries(content ?? {}).flatMap(([type, media]) => [element("p", {}, `${title} (${type}):`), element("pre", { tabIndex: 0 }, media.example ?? shape(media.schema))]);
}

function operation(path, method, o) {
  const parameters = (o.parameters ?? []).filter((p) => p.in !== "header");
  const output = element("pre", { hidden: true, tabIndex: 0 });
  const form = element("form", {});
  if (parameters.length) form.append(element("table", {}, element("tbody", {}, ...parameters.map((p) => parameterRow(p, method === "get")))));
  if (method === "get") form.append(element("button", {}, "Send"), output);
  form.onsubmit = async (e) => {
    e.preventDefault();
    const query = new URLSearchParams();
    let url = path;
    for (const i of form.querySelectorAll("input")) {
      if (i.dataset.in === "path") url = url.replace(`{${i.name}}`, encodeURIComponent(i.value));
      else if (i.value) query.set(i.name, i.value);
    }
    const answer = await ask(query.size ? `${url}?${query}` : url);
    output.hidden = false;
    output.textContent = `${answer.status} ${answer.statusText}\n${(await answer.text()).slice(0, 20000)}`;
  };
  const responses = Object.entries(o.responses).filter(([status]) => status < "300");
  return element("section", { id: o.operationId },
    element("h2", {}, o.summary),
    element("p", {}, element("code", {}, element("span", { className: "method" }, method), " " + path), " " + rights(o)),
    element("p", {}, ...prose(o.description ?? "")),
    form,
    ...bodyOf("Body", o.requestBody?.content),
    ...responses.flatMap(([status, r]) => [element("p", {}, `Answer ${status}: ${r.description}`), ...bodyOf("Answer", r.content)]));
}

async function load() {
  const answer = await ask("/api/openapi.json");
  spec = await answer.json();
  if (!answer.ok) { $("status").textContent = spec.detail; return; }
  $("version").textContent = spec.info.version;
  $("status").replaceChildren(...prose(spec.info.description));
  $("operations").replaceChildren(...Object.entries(spec.paths).flatMap(([path, methods]) => Object.entries(methods).map(([m, o]) => operation(path, m, o))));
}

$("login").onsubmit = (e) => {
  e.preventDefault();
  keep($("token").value.trim());
  $("token").value = "";
  load();
};
load();
