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

/** The JSON of an answer. It throws ApiError for an error of the server. */
export async function answerOf<T extends Record<string | number, unknown>, O, M extends `${string}/${string}`>(
  request: string,
  answer: Promise<FetchResponse<T, O, M>>,
): Promise<Exclude<NonNullable<FetchResponse<T, O, M>["data"]>, string>> {
  const { data, error, response } = await answer;
  if (response.ok) return data as Exclude<NonNullable<typeof data>, string>;
  const { detail, title } = (error ?? {}) as { detail?: string; title?: string };
  throw new ApiError(request, response.status, detail ?? title ?? response.statusText);
}
