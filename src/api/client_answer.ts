/** The answer of a call, and what may be said beside its arguments. */

/** An answer; of one that is not `ok`, `json` is a `Problem`. */
export interface Answer<T> extends Response {
  /** The body of an answer that is `ok`. */
  json(): Promise<T>;
}

/** Options of one call. */
export interface CallOptions {
  /** Header fields, beside the token. */
  headers?: Record<string, string>;
  /** What `fetch` takes, such as `signal`, or a `body` that is not JSON. */
  init?: RequestInit;
}
