/** The server refused: its explanation, the HTTP status, and a reason for programs where it gives one. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    message: string,
    readonly status: number,
    readonly reason?: string,
  ) {
    super(message);
  }
}

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

type Problem = { detail?: string; title?: string; reason?: string; errors?: { message?: string }[] };

/** Asks the HTTP API; path is what follows /api/v1. It throws ApiError and UnreachableError. */
export async function ask<T>(
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
  signal?: AbortSignal,
  more: Readonly<Record<string, string>> = {},
): Promise<T> {
  const headers: Record<string, string> = { ...more };
  const bearer = token.get();
  if (bearer) headers['Authorization'] = `Bearer ${bearer}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const options: RequestInit = { method, headers, cache: 'no-store', credentials: 'same-origin', keepalive: method === 'DELETE' }; // it is done although the page ends
  if (body !== undefined) options.body = JSON.stringify(body);
  if (signal) options.signal = signal;
  const answer = await fetch(`/api/v1${path}`, options).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new UnreachableError();
  });
  const text = await answer.text();
  if (answer.ok) return (text === '' ? undefined : JSON.parse(text)) as T;
  throw problemOf(answer, text);
}

/** The error that the server answered with. */
export function problemOf(answer: Response, text: string): ApiError {
  let p: Problem = {};
  try {
    p = JSON.parse(text) as Problem;
  } catch {
    // a proxy answered, not the program
  }
  const details = (p.errors ?? []).map((e) => e.message).filter(Boolean).join('; ');
  return new ApiError(details || p.detail || p.title || answer.statusText || String(answer.status), answer.status, p.reason);
}
