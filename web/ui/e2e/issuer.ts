// An OpenID Connect issuer where everybody is signed in already: it sends browsers
// back at once. It can be away.

import { generateKeyPairSync, randomUUID, sign, type JsonWebKey } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface IssuedPerson {
  readonly sub: string;
  readonly name: string;
  readonly email: string;
  readonly email_verified: boolean;
}

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwk: JsonWebKey = { ...keys.publicKey.export({ format: 'jwk' }), kid: '1', alg: 'RS256', use: 'sig' };
const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

export class Issuer {
  away = false;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #nonces = new Map<string, string>();

  private constructor(readonly person: IssuedPerson) {}

  static async start(person: IssuedPerson): Promise<Issuer> {
    const issuer = new Issuer(person);
    await new Promise<void>((resolve) => issuer.#server.listen(0, '127.0.0.1', resolve));
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '', this.url);
    const json = (value: object) => response.setHeader('Content-Type', 'application/json').end(JSON.stringify(value));
    if (this.away) return void response.writeHead(502).end('away');
    switch (pathname) {
      case '/.well-known/openid-configuration':
        return void json({
          issuer: this.url,
          authorization_endpoint: `${this.url}/authorize`,
          token_endpoint: `${this.url}/token`,
          userinfo_endpoint: `${this.url}/userinfo`,
          jwks_uri: `${this.url}/keys`,
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['RS256'],
          code_challenge_methods_supported: ['S256'],
        });
      case '/keys':
        return void json({ keys: [jwk] });
      case '/authorize': {
        const code = randomUUID();
        this.#nonces.set(code, query.get('nonce') ?? '');
        const back = new URL(query.get('redirect_uri') ?? '');
        back.search = new URLSearchParams({ code, state: query.get('state') ?? '' }).toString();
        return void response.writeHead(302, { Location: back.href }).end();
      }
      case '/token': {
        const code = new URLSearchParams(await textOf(request)).get('code') ?? '';
        return void json({ access_token: randomUUID(), token_type: 'Bearer', expires_in: 300, id_token: this.#idToken(code) });
      }
      case '/userinfo':
        return void json(this.person);
      default:
        return void response.writeHead(404).end();
    }
  }

  #idToken(code: string): string {
    const now = Math.floor(Date.now() / 1000);
    const claims = { ...this.person, iss: this.url, aud: 'sensocto', nonce: this.#nonces.get(code), iat: now, auth_time: now, exp: now + 300 };
    const unsigned = `${base64url({ alg: 'RS256', kid: '1', typ: 'JWT' })}.${base64url(claims)}`;
    return `${unsigned}.${sign('RSA-SHA256', Buffer.from(unsigned), keys.privateKey).toString('base64url')}`;
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
