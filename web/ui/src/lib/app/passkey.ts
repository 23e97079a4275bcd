import { answer, api } from './api.ts';

// What the server and the browser say to each other about passkeys: the server
// speaks JSON with base64url, the browser wants bytes.

export type CreationOptions = { publicKey: Record<string, unknown> & { challenge: string; user: { id: string; name: string; displayName: string }; excludeCredentials?: Listed[] } };
type RequestOptions = { publicKey: Record<string, unknown> & { challenge: string; allowCredentials?: Listed[] } };
type Listed = { id: string; type: 'public-key'; transports?: AuthenticatorTransport[] };

/** Why no passkey was made or used; the app has words for each. */
export class PasskeyError extends Error {
  override readonly name = 'PasskeyError';

  constructor(readonly why: 'cancelled' | 'exists' | 'failed') {
    super(why);
  }
}

const bytes = (text: string) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
const base64url = (buffer: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
const withBytes = (list: Listed[] | undefined) => (list ?? []).map((c) => ({ ...c, id: bytes(c.id) }));

export const passkeysSupported = (): boolean => 'PublicKeyCredential' in window && 'credentials' in navigator;

/** Makes a passkey for what POST /passkeys/registration answered. */
export async function createPasskey({ publicKey: o }: CreationOptions): Promise<object> {
  const options = { ...o, challenge: bytes(o.challenge), user: { ...o.user, id: bytes(o.user.id) }, excludeCredentials: withBytes(o.excludeCredentials) };
  const made = await explained(() => navigator.credentials.create({ publicKey: options as unknown as PublicKeyCredentialCreationOptions }));
  const response = made.response as AuthenticatorAttestationResponse;
  return described(made, { attestationObject: base64url(response.attestationObject), transports: response.getTransports?.() ?? [] });
}

/** Signs with a passkey for what POST /session/passkey/options answered. */
export async function usePasskey({ publicKey: o }: RequestOptions): Promise<object> {
  const options = { ...o, challenge: bytes(o.challenge), allowCredentials: withBytes(o.allowCredentials) };
  const used = await explained(() => navigator.credentials.get({ publicKey: options as unknown as PublicKeyCredentialRequestOptions }));
  const r = used.response as AuthenticatorAssertionResponse;
  const userHandle = r.userHandle ? { userHandle: base64url(r.userHandle) } : {};
  return described(used, { authenticatorData: base64url(r.authenticatorData), signature: base64url(r.signature), ...userHandle });
}

/** Signs in with a passkey, or shows once more who one is. */
export async function signInWithPasskey(): Promise<void> {
  const options = (await answer(api.POST('/api/v1/session/passkey/options'))) as RequestOptions;
  await answer(api.POST('/api/v1/session/passkey', { body: { credential: await usePasskey(options) } }));
}

function described(credential: PublicKeyCredential, response: object): object {
  return {
    id: credential.id,
    rawId: base64url(credential.rawId),
    type: credential.type,
    clientExtensionResults: {}, // none was asked for
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    response: { clientDataJSON: base64url(credential.response.clientDataJSON), ...response },
  };
}

async function explained(run: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  try {
    const credential = await run();
    if (credential instanceof PublicKeyCredential) return credential;
  } catch (error) {
    const name = error instanceof DOMException ? error.name : '';
    if (name === 'NotAllowedError') throw new PasskeyError('cancelled');
    if (name === 'InvalidStateError') throw new PasskeyError('exists');
    throw error;
  }
  throw new PasskeyError('failed');
}
