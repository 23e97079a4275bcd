import { answerOf, apiError, makeApi, type Api } from '@sensocto/client';

/** The server did not answer at all. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

const key = 'sensocto_token';

/** A token that somebody entered instead of signing in. It lives in this tab alone. */
export const token = {
  get: (): string | undefined => sessionStorage.getItem(key) ?? undefined,
  set: (value: string | undefined): void => (value ? sessionStorage.setItem(key, value) : sessionStorage.removeItem(key)),
};

/** The HTTP API, typed by the server's OpenAPI document. What it returns goes through `answer`. */
export const api: Api = makeApi('', token.get, (request) =>
  reached(fetch(request, { cache: 'no-store', keepalive: request.method === 'DELETE' }), request.signal), // a removal is done although the page ends
);

/** What the server answers. It throws ApiError where the server refuses, and UnreachableError. */
export const answer: typeof answerOf = answerOf;

/** A connection that fails, or breaks in the middle, is one that does not answer. */
export function reached<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return work.catch((error: unknown) => {
    throw signal?.aborted ? error : new UnreachableError();
  });
}

/** Reads an address as it is, such as a file, on behalf of another token where one is given. It throws as `answer` does. */
export async function read(path: string, signal?: AbortSignal, { method = 'GET', bearer = token.get() } = {}): Promise<Response> {
  const headers: Record<string, string> = bearer ? { Authorization: `Bearer ${bearer}` } : {};
  const ask = (method: string) => reached(fetch(path, { method, headers, credentials: 'same-origin', cache: 'no-store', ...(signal && { signal }) }), signal);
  const response = await ask(method);
  if (response.ok) return response;
  const explained = method === 'HEAD' ? await ask('GET') : response; // the answer to HEAD has no body
  throw apiError(response, await explained.json().catch(() => undefined), path);
}
