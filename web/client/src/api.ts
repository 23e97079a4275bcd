import createClient, { type Client as FetchClient, type FetchResponse } from "openapi-fetch";
import type { paths } from "./api.gen.js";
import type { ConnectionOptions } from "./connection.js";
import { ApiError } from "./errors.js";

/** The whole HTTP API, typed by the server's OpenAPI document. */
export type Api = FetchClient<paths>;

export function makeApi(url: string, token: ConnectionOptions["token"], fetch?: (request: Request) => Promise<Response>): Api {
  const api = createClient<paths>({ baseUrl: url.replace(/\/+$/, ""), credentials: "same-origin", ...(fetch && { fetch }) });
  api.use({
    onRequest({ request }) {
      const present = typeof token === "function" ? token() : token;
      if (present) request.headers.set("Authorization", `Bearer ${present}`);
      return request;
    },
  });
  return api;
}

/** What an operation answers; undefined where that is nothing. */
type Answer<T extends Record<string | number, unknown>, O, M extends `${string}/${string}`> = Exclude<NonNullable<FetchResponse<T, O, M>["data"]>, string>;

/** The JSON of an answer. It throws ApiError for an error of the server; request is what the error calls it. */
export async function answerOf<T extends Record<string | number, unknown>, O, M extends `${string}/${string}`>(
  answer: Promise<FetchResponse<T, O, M>>,
  request?: string,
): Promise<Answer<T, O, M>> {
  const { data, error, response } = await answer;
  if (!response.ok) throw apiError(response, error, request);
  return data as Answer<T, O, M>;
}

interface Problem {
  detail?: string;
  title?: string;
  reason?: string;
  errors?: { message?: string }[];
}

/** The error of an answer with this body: a problem of the server, or whatever a proxy answered. */
export function apiError(response: Response, body: unknown, request = response.url): ApiError {
  const p: Problem = typeof body === "object" && body !== null ? body : {};
  const details = (p.errors ?? []).map(({ message }) => message).filter(Boolean);
  const detail = details.join("; ") || p.detail || p.title || response.statusText || String(response.status);
  return new ApiError(request, response.status, detail, p.reason);
}
