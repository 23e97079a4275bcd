// Passkeys: what the server and the browser say to each other. The server speaks
// JSON with base64url, the browser wants bytes.
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const base64url = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const withBytes = (list) => (list ?? []).map((c) => ({ ...c, id: bytes(c.id) }));

export const supported = () => Boolean(window.PublicKeyCredential && navigator.credentials);

// create makes a passkey for what POST /passkeys/registration answered.
export async function create({ publicKey: o }) {
  const made = await said(() => navigator.credentials.create({ publicKey: {
    ...o, challenge: bytes(o.challenge), user: { ...o.user, id: bytes(o.user.id) }, excludeCredentials: withBytes(o.excludeCredentials),
  } }));
  return answer(made, { attestationObject: base64url(made.response.attestationObject), transports: made.response.getTransports?.() ?? [] });
}

// sign signs in for what POST /session/passkey/options answered.
export async function sign({ publicKey: o }) {
  const used = await said(() => navigator.credentials.get({ publicKey: {
    ...o, challenge: bytes(o.challenge), allowCredentials: withBytes(o.allowCredentials),
  } }));
  const { authenticatorData, signature, userHandle } = used.response;
  return answer(used, { authenticatorData: base64url(authenticatorData), signature: base64url(signature), userHandle: userHandle && base64url(userHandle) });
}

function answer(credential, response) {
  return { id: credential.id, rawId: base64url(credential.rawId), type: credential.type, clientExtensionResults: {}, // none was asked for
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    response: { clientDataJSON: base64url(credential.response.clientDataJSON), ...response } };
}

// said turns what browsers say into words: their own differ and explain little.
async function said(ask) {
  try {
    return await ask();
  } catch (error) {
    if (error.name === "NotAllowedError") throw new Error("No passkey was used: it took too long, was cancelled, or this device has none for this server.");
    if (error.name === "InvalidStateError") throw new Error("This device has a passkey for this account already.");
    throw error;
  }
}
