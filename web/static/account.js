import { element, forget, onChange, tell } from "./session.js";
import * as ways from "./ways.js";

// The page that a person signs in with. Links that are printed or mailed carry
// their secret behind the #, which no server sees: #setup=…, #reset=…, #invite=….
// What a sign-in service did is there as well: #error=…, #linked=….
const $ = (id) => document.getElementById(id);
const all = ["name", "email", "password", "current"];

let secret = "", server = {}, notice = "", me = {};

// send sends JSON and returns the answer; a refusal is thrown as its text.
async function send(method, path, body) {
  const answer = await fetch(`/api/v1${path}`, { method, cache: "no-store", credentials: "same-origin",
    headers: body ? { "Content-Type": "application/json" } : {}, body: body && JSON.stringify(body) });
  const text = await answer.text();
  const value = text ? JSON.parse(text) : {};
  if (answer.ok) return value;
  const details = (value.errors ?? []).map((e) => e.message).join("; ");
  throw Object.assign(new Error(details || value.detail || answer.statusText), { status: answer.status, reason: value.reason });
}

// ask is send for whoever confirms, where the server wants it, that it is them.
async function ask(method, path, body) {
  try {
    return await send(method, path, body);
  } catch (error) {
    if (error.reason !== "confirmation_needed" || !(await ways.confirm(server, send))) throw error;
    return send(method, path, body);
  }
}

const enter = () => ({ name: $("name").value.trim(), email: $("email").value.trim(), password: $("password").value });

// What the form is for: its title, its fields, and what it sends.
const forms = {
  signIn: { title: "Sign in", fields: ["email", "password"], button: "Sign in", old: true,
    send: () => ask("POST", "/session", { email: enter().email, password: enter().password }) },
  signUp: { title: "Make an account", fields: ["name", "email", "password"], button: "Make the account",
    send: () => ask("POST", "/users", enter()) },
  guest: { title: "Come in as a guest", fields: ["name"], button: "Come in",
    why: "For a day, with nothing but a name. You see what others share with you.",
    send: () => ask("POST", "/session/guest", { name: enter().name }) },
  setup: { title: "Make the administrator's account", fields: ["name", "email", "password"], button: "Make the account",
    why: "This link works once. Whoever uses it keeps order on this server.",
    send: () => ask("POST", "/setup", { ...enter(), link: secret }) },
  invite: { title: "Make an account", fields: ["name", "email", "password"], button: "Make the account",
    why: "You were invited.", send: () => ask("POST", "/users", { ...enter(), invitation: secret }) },
  reset: { title: "Set a new password", fields: ["password"], button: "Set it",
    why: "All devices that are signed in now will be signed out.", send: () => ask("POST", "/password", { link: secret, password: enter().password }) },
  forgotten: { title: "Forgotten the password?", fields: ["email"], button: "Mail me a link",
    why: "If there is an account with this address, a link comes by mail. It works for an hour.",
    send: async () => { await ask("POST", "/password/forgotten", { email: enter().email }); notice = "A link is on its way, if there is an account with this address."; } },
  change: { title: "Change your account", fields: ["name", "email", "password", "current"], button: "Change",
    get why() {
      const mails = server.mail && me.email && !me.email_proven;
      return `Leave the password empty to keep it. A new one signs out all other devices.${mails ? " To get a link that confirms your address, enter your present password." : ""}`;
    },
    send: async () => {
      const { name, email, password } = enter();
      const changes = { name };
      if (password) changes.password = password;
      if (server.mail && email && (email !== me.email || (!me.email_proven && $("current").value))) {
        changes.email = email;
        notice = `A link was mailed to ${email}: the address is yours once you open it.`;
      }
      if (changes.password || changes.email) changes.current_password = $("current").value;
      await ask("PATCH", "/users/me", changes);
    } },
};

function open(kind) {
  const f = forms[kind];
  $("account").hidden = true;
  $("form").hidden = false;
  $("title").textContent = f.title;
  $("why").textContent = f.why ?? "";
  $("go").textContent = f.button;
  $("problem").textContent = notice;
  ways.offer(server, kind === "signIn" || kind === "signUp", ask, start);
  for (const id of all) {
    const used = f.fields.includes(id) && !(id === "email" && kind === "change" && !server.mail);
    $(id).hidden = $(`label-${id}`).hidden = !used;
    $(id).required = used && kind !== "change";
    if (id !== "email" && id !== "name") $(id).value = "";
  }
  $("label-password").textContent = f.old ? "Password" : kind === "change" ? "New password" : "Password: some words that nobody guesses";
  $("password").autocomplete = f.old ? "current-password" : "new-password";
  const others = [];
  const other = (k, text) => others.push(element("button", { type: "button", className: "pick", textContent: text, onclick: () => open(k) }), " ");
  if (kind === "change") others.push(element("button", { type: "button", className: "pick", textContent: "Back", onclick: start }));
  else if (!secret) {
    if (kind !== "signIn") other("signIn", "I have an account");
    if (kind !== "signUp" && server.registration === "open") other("signUp", "Make an account");
    if (kind !== "guest" && server.guest_accounts) other("guest", "Come in as a guest");
    if (kind === "signIn" && server.mail) other("forgotten", "Forgotten the password?");
    if (kind === "signIn" && (server.registration !== "open" || !server.mail)) others.push(element("span", { textContent: server.mail ? "No account? An administrator of this server invites you." : "No account, or the password forgotten? An administrator of this server makes a link." }));
  }
  $("others").replaceChildren(...others);
  $("form").onsubmit = async (e) => {
    e.preventDefault();
    $("go").disabled = true;
    $("problem").textContent = "";
    try {
      await f.send();
      secret = "";
      if (kind !== "change" && kind !== "forgotten") tell("in");
      await start();
    } catch (error) {
      $("problem").textContent = error.message;
    }
    $("go").disabled = false;
  };
  $(f.fields[0]).focus();
}

const day = (text) => text ? new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }) : "–";

function remove(text, path) {
  return element("button", { type: "button", textContent: text, onclick: async () => {
    try { await ask("DELETE", path); } catch (error) { notice = error.message; }
    await start();
  } });
}

// answer is a button that accepts or declines an invitation.
function answer(text, invitation) {
  return element("button", { type: "button", textContent: text, onclick: async () => {
    try { await ask("POST", `/invitations/${invitation.id}/${text.toLowerCase()}`); } catch (error) { notice = error.message; }
    await start();
  } });
}

// clear drops what the page shows of a person.
function clear() {
  me = {};
  $("account").hidden = $("program").hidden = true;
  for (const id of ["sessions", "tokens", "invitations", "passkeys", "issuers", "details", "account-title", "made", "confirmed", "status"]) $(id).replaceChildren();
  for (const id of all) $(id).value = "";
  $("who").textContent = "Account";
  if ($("again").open) $("again").close();
}

onChange((word) => {
  if (word === "out") forget();
  clear();
  start();
});

const cells = (...texts) => texts.map((t) => element("td", {}, t));

async function show(person) {
  me = person;
  $("form").hidden = true;
  $("account").hidden = false;
  $("who").textContent = me.name;
  $("account-title").textContent = me.name;
  $("details").textContent = [me.email && !me.email_proven ? `${me.email} (not confirmed)` : me.email, me.is_admin ? "administrator" : me.is_guest ? "guest" : "", `since ${day(me.created_at)}`].filter(Boolean).join(" · ");
  $("change").onclick = () => { $("name").value = me.name; $("email").value = me.email ?? ""; open("change"); };
  $("out").onclick = async () => { await ask("DELETE", "/session"); forget(); clear(); tell("out"); await start(); };
  const sessions = await ways.whole(ask, "/sessions", "sessions");
  $("sessions").replaceChildren(...sessions.map((s) => element("tr", {},
    ...cells(s.device || "unknown", day(s.created_at), day(s.used_at), day(s.expires_at), s.current ? "this one" : remove("Sign out", `/sessions/${s.id}`)))));
  $("out-elsewhere").hidden = sessions.length < 2;
  $("out-elsewhere").onclick = async () => {
    try { await ask("DELETE", "/sessions"); notice = "You are signed out everywhere else."; } catch (error) { notice = error.message; }
    await start();
  };
  const tokens = await ways.whole(ask, "/tokens", "tokens");
  $("tokens").replaceChildren(...tokens.map((t) => element("tr", {}, ...cells(t.name, t.scopes.join(", "), day(t.created_at), remove("Revoke", `/tokens/${t.id}`)))));
  if (tokens.length === 0) $("tokens").append(element("tr", {}, element("td", { colSpan: 4, textContent: "None yet. A device that cannot sign in brings its measurements with a token." })));
  $("make").hidden = me.is_guest;
  const invitations = await ways.whole(ask, "/invitations", "invitations");
  $("invited").hidden = invitations.length === 0;
  $("invitations").replaceChildren(...invitations.map((i) => element("tr", {}, ...cells(i.room_name, i.role, day(i.expires_at)),
    element("td", {}, answer("Accept", i), " ", answer("Decline", i)))));
  await ways.show(server, me, ask, remove, (p) => element("tr", {}, ...cells(p.name, day(p.created_at), day(p.used_at), remove("Remove", `/passkeys/${p.id}`))), start);
}

$("make").onsubmit = async (e) => {
  e.preventDefault();
  try {
    const { token } = await ask("POST", "/tokens", { name: $("token-name").value.trim(), scopes: $("token-scope").value.split(",") });
    $("token-name").value = "";
    await start();
    $("made").replaceChildren("Shown only now: ", element("code", { textContent: token }));
  } catch (error) {
    $("made").textContent = error.message;
  }
};

const rights = { view: "see the sensors and rooms that you see", ingest: "bring measurements, and change what you may change", admin: "administer this server" };

// A program that shows a code is shown before anybody lets it in.
$("confirm").onsubmit = async (e) => {
  e.preventDefault();
  const code = $("code").value;
  $("confirmed").textContent = "";
  $("program").hidden = true;
  try {
    const { name, scopes, address } = await ask("POST", "/device/request", { code });
    $("program-name").textContent = name;
    $("program-asks").textContent = `A program that calls itself “${name}” asks, from ${address}, to sign in as ${me.name}. It will be able to:`;
    $("program-scopes").replaceChildren(...scopes.map((s) => element("li", { textContent: rights[s] ?? s })));
    $("program").hidden = false;
    $("program").focus();
    $("program-yes").onclick = () => letIn(code);
  } catch (error) {
    $("confirmed").textContent = error.message;
  }
};
$("program-no").onclick = () => { $("program").hidden = true; $("code").value = ""; $("confirmed").textContent = "It was not let in."; };

async function letIn(code) {
  $("program").hidden = true;
  try {
    const { name } = await ask("POST", "/device/confirm", { code });
    $("code").value = "";
    await start();
    $("confirmed").textContent = `${name} signs in as you.`;
  } catch (error) {
    $("confirmed").textContent = error.message;
  }
}

// join joins the room of a link that was opened.
async function join() {
  const code = sessionStorage.getItem("sensocto_join");
  if (!code) return;
  sessionStorage.removeItem("sensocto_join");
  try {
    const room = await ask("POST", "/rooms/join", { code });
    notice = `You are in the room ${room.name} now.`;
  } catch (error) {
    notice = error.message;
  }
}

async function start() {
  $("made").textContent = "";
  try {
    server = await ask("GET", "/registration");
    const [kind, value] = location.hash.slice(1).split("=");
    if (value) history.replaceState(null, "", location.pathname); // not kept in the history
    if (value && forms[kind]) {
      secret = value;
      return open(kind);
    }
    if (value && kind === "join") sessionStorage.setItem("sensocto_join", decodeURIComponent(value)); // until somebody is signed in
    if (value && kind === "email" && confirm("Give this e-mail address to the SensOcto account that asked for it? Continue only if you asked.")) {
      await ask("POST", "/email", { link: value });
      notice = "The address is yours now.";
    }
    if (value && kind === "error") notice = ways.explain(value);
    if (value && kind === "linked") notice = `Linked: from now on you sign in with ${server.oidc} as well.`;
    const person = await ask("GET", "/session");
    await join();
    $("status").textContent = notice;
    await show(person);
    if (value === "confirmation_needed") await ways.confirm(server, send);
  } catch (error) {
    $("status").textContent = "";
    if (error.status === 401) open(server.registration === "open" && !notice ? "signUp" : "signIn");
    else $("status").textContent = error.status ? error.message : "The server does not answer: reload the page to try again.";
  }
  notice = "";
}
addEventListener("hashchange", () => { if (location.hash) start(); }); // a link opened where the page is open already
start();
