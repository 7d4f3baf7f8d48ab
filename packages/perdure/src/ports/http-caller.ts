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
  /** Read the answer's headers and body, which must not be longer. Left out: only its status is looked at. */
  readonly readsUpToBytes?: number | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers?: ReadonlyMap<string, string> | undefined;
  readonly body?: Uint8Array | undefined;
}

export interface HttpCaller {
  /** Sends a POST. Redirects are not followed. @throws Error nobody answered in time; its message says why */
  post(request: HttpRequest): Promise<HttpAnswer>;
  /** Breaks off what is under way. */
  close(): void;
}
