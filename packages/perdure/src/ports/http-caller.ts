/**
 * The port to other people's HTTP servers: one request, one answer, nothing kept.
 *
 * Whoever calls has checked that the address is one that the operator allows.
 */
export interface HttpRequest {
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
  /** Ends the call as failed, in milliseconds. */
  readonly timeoutMs: number;
}

export interface HttpAnswer {
  readonly status: number;
}

export interface HttpCaller {
  /** Sends a POST. Redirects are not followed. @throws Error nobody answered in time; its message says why */
  post(request: HttpRequest): Promise<HttpAnswer>;
  /** Breaks off what is under way. */
  close(): void;
}
