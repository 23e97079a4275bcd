import { element, tell } from "./session.js";
import * as passkey from "./passkey.js";

// How people sign in beside passwords: passkeys, and a sign-in service.
const $ = (id) => document.getElementById(id);

// What the word behind #error= means, with which a sign-in with the service ends.
const words = {
  account_disabled: "This account is disabled: ask an administrator.",
  begin_on_the_page: "To sign in with the service, or to link it, use the button on this page, over https or on this machine.",
  confirmation_needed: "You last showed who you are more than 15 minutes ago: confirm that it is you, then link again.",
  email_taken: "There is an account with your e-mail address already. Sign in to it, then link the sign-in service on this page.",
  identity_taken: "You are somebody else here already: this identity belongs to another account.",
  invitation_needed: "You need an invitation to get an account here.",
  issuer_away: "The sign-in service does not answer: try again later.",
  issuer_refused: "The sign-in service did not confirm who you are: try again.",
  oidc_off: "This server has no sign-in service.",
  registration_closed: "You have no account here, and nobody can make one: ask an administrator.",
  sign_in_cancelled: "The sign-in was cancelled.",
  sign_in_stale: "The sign-in service did not ask you again who you are: set a password on this page, or ask an administrator.",
  sign_in_expired: "The sign-in took too long, or was begun in another browser: try again.",
  signed_out: "You are no longer signed in: sign in, then link again.",
  too_many_attempts: "Too many attempts: wait a minute, then try again.",
  wrong_issuer: "The answer came from another sign-in service: try again.",
};

// explain returns the words for a code. A link may hold any text: only known
// codes are shown.
export const explain = (code) => words[code] ?? "The sign-in did not work: try again.";

const here = (server) => server.passkeys && passkey.supported() && location.origin === server.origin;

// elsewhere is where passkeys are made, if not here. A visitor of another machine
// is not sent to their own localhost.
function elsewhere(server) {
  const known = server.origin?.startsWith("https:") || ["127.0.0.1", "[::1]"].includes(location.hostname);
  return server.passkeys && passkey.supported() && known && location.origin !== server.origin ? `${server.origin}/account` : "";
}

// begins is where a sign-in with the service begins: at the origin that the
// service sends people back to, on a page, and not by a mere link of any site.
const atOrigin = (server) => location.origin === server.origin;
const begins = (server) => atOrigin(server) ? "/api/v1/session/oidc?here=true" : `${server.origin}/account`;
const at = (server) => atOrigin(server) ? "" : ` at ${server.origin}`;

// confirm asks whoever is signed in to show who they are once more, and reports
// whether they did. With the service they leave the page, and begin again after.
export function confirm(server, send) {
  $("again-problem").textContent = $("again-password").value = "";
  $("again-passkey").hidden = !here(server);
  $("again-oidc").hidden = !server.oidc || !atOrigin(server);
  $("again-oidc").href = "/api/v1/session/oidc?here=true&fresh=true";
  $("again-oidc").textContent = `Confirm with ${server.oidc}`;
  return new Promise((resolve) => {
    const by = async (way) => {
      try {
        await way();
        resolve(true);
        $("again").close();
      } catch (error) {
        $("again-problem").textContent = error.reason === "confirmation_needed" ? "You have no password: confirm in another way, or sign out and in again." : error.message;
      }
    };
    $("again-form").onsubmit = (e) => {
      e.preventDefault();
      by(() => send("POST", "/session/confirm", { password: $("again-password").value }));
    };
    $("again-passkey").onclick = () => by(async () => send("POST", "/session/passkey", { credential: await passkey.sign(await send("POST", "/session/passkey/options")) }));
    $("again-cancel").onclick = () => $("again").close();
    $("again").onclose = () => resolve(false); // also by the Escape key
    $("again").showModal();
  });
}

// offer shows how else one may sign in with the form.
export function offer(server, shown, ask, done) {
  $("ways").hidden = !shown;
  $("passkey").hidden = !here(server);
  $("passkey-elsewhere").hidden = !elsewhere(server);
  $("passkey-elsewhere").href = elsewhere(server) || "#";
  $("passkey-elsewhere").textContent = `Sign in with a passkey at ${server.origin}`;
  $("oidc").hidden = !server.oidc;
  $("oidc").href = begins(server);
  $("oidc").textContent = `Sign in with ${server.oidc}${at(server)}`;
  $("passkey").onclick = async () => {
    $("problem").textContent = "";
    try {
      await ask("POST", "/session/passkey", { credential: await passkey.sign(await ask("POST", "/session/passkey/options")) });
      tell("in");
      await done();
    } catch (error) {
      $("problem").textContent = error.message;
    }
  };
}

// show lists how whoever is signed in signs in, and lets them change that.
// remover makes a button that removes, row a row of a passkey with one.
export async function show(server, me, ask, remover, row, done) {
  $("ways-account").hidden = me.is_guest;
  if (me.is_guest) return;
  await showIssuers(server, ask, remover);
  await showPasskeys(server, ask, row, done);
}

// whole returns all pages of a list; key is where an answer has its items.
export async function whole(ask, path, key) {
  const items = [];
  for (let after = ""; ;) {
    const page = await ask("GET", `${path}?limit=500${after && `&after=${after}`}`);
    items.push(...page[key]);
    if (!(after = page.next)) return items;
  }
}

async function showIssuers(server, ask, remover) {
  const issuers = await whole(ask, "/identities", "issuers");
  $("issuers-account").hidden = !server.oidc && issuers.length === 0;
  $("issuers").replaceChildren(...issuers.map((i) => element("li", {}, `${i} `, remover("Unlink", `/identities?issuer=${encodeURIComponent(i)}`))));
  $("link").hidden = !server.oidc || issuers.length > 0;
  $("link-oidc").href = begins(server);
  $("link-oidc").textContent = `Link ${server.oidc}${at(server)}`;
}

async function showPasskeys(server, ask, row, done) {
  $("passkeys-account").hidden = !server.passkeys;
  if (!server.passkeys) return;
  const passkeys = await whole(ask, "/passkeys", "passkeys");
  $("passkeys").replaceChildren(...passkeys.map(row));
  if (passkeys.length === 0) $("passkeys").append(element("tr", {}, element("td", { colSpan: 4, textContent: "None yet. With one you sign in by finger, face or PIN of your device." })));
  $("add").hidden = !here(server);
  $("passkey-status").replaceChildren(...(elsewhere(server) ? ["Passkeys are made at ", element("a", { href: elsewhere(server), textContent: server.origin }), "."] : []));
  $("add").onsubmit = (e) => {
    e.preventDefault();
    add(ask, done);
  };
}

async function add(ask, done) {
  const name = $("passkey-name").value.trim();
  try {
    const options = await ask("POST", "/passkeys/registration", {});
    await ask("POST", "/passkeys", { name, credential: await passkey.create(options) });
    $("passkey-name").value = "";
    await done();
  } catch (error) {
    $("passkey-status").textContent = error.message;
  }
}
