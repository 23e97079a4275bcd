/** The server answered a join or a push with an error. */
export class ReplyError extends Error {
  override readonly name = "ReplyError";

  constructor(
    /** What was asked for, such as `watch on viewer:main`. */
    readonly request: string,
    /** The reason, such as `unauthorized`; docs/protocol.md lists them. */
    readonly reason: string,
    /** The whole answer. */
    readonly response: Readonly<Record<string, unknown>>,
  ) {
    super(`${request}: ${reason}${advice(reason)}`);
  }
}

/** No answer came in time, or the connection broke before one came. Ask again. */
export class NoReplyError extends Error {
  override readonly name = "NoReplyError";

  constructor(
    request: string,
    /** With `timeout` the connection may still be there; with `disconnected` a reconnect follows. */
    readonly why: "timeout" | "disconnected",
  ) {
    super(`${request}: ${why === "timeout" ? "the server did not answer in time" : "the connection broke before the server answered"}; try again`);
  }
}

/** The object was closed, or the server ended its topic. */
export class ClosedError extends Error {
  override readonly name = "ClosedError";

  constructor(what: string, why = "was closed") {
    super(`${what} ${why}; open a new one`);
  }
}

/** A request to the HTTP API failed. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    request: string,
    /** The HTTP status. */
    readonly status: number,
    /** The explanation of the server. */
    readonly detail: string,
    /** A word for programs, such as `link_expired`, where the server gives one. */
    readonly reason?: string,
  ) {
    super(`${request}: ${status} ${detail}`);
  }
}

function advice(reason: string): string {
  switch (reason) {
    case "unauthorized":
      return " (check the token and its scopes, and who the sensor or room is shared with)";
    case "too_many_topics":
    case "too_many_watched":
      return " (close what is no longer shown)";
    case "unmatched topic":
      return " (the server does not know this topic; it may be older than this client)";
    default:
      return "";
  }
}
