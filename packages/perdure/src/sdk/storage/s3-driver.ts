/** Payloads in a bucket of S3, or of a store that speaks its protocol (MinIO, R2, Ceph, GCS with interoperability keys). */
import { setTimeout as delay } from 'node:timers/promises';
import { ValueError, type Payload, type StorageDriver, type StorageDriverClaim, type StorageDriverRetrieveContext, type StorageDriverStoreContext } from '../common/index.js';
import { encodedPath, signedHeaders, type S3Credentials } from './s3-signature.js';
import { claimField, claimOf, inTurns, storedPayload, verifiedPayload } from './stored-payload.js';

export interface S3StorageDriverOptions {
  /** A function chooses by payload. */
  readonly bucket: string | ((context: StorageDriverStoreContext, payload: Payload) => string);
  /** For example `eu-central-1`. Default: the environment's `AWS_REGION`, else `us-east-1`. */
  readonly region?: string;
  /** For example `https://minio.example:9000`; the bucket becomes the first part of the path. Default: AWS, by the region. */
  readonly endpoint?: string;
  /**
   * A function is asked for each request: keep what it gives, and renew it in time. Default: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
   * `AWS_SESSION_TOKEN` of the environment, looked up for each request.
   */
  readonly credentials?: S3Credentials | (() => S3Credentials | Promise<S3Credentials>);
  /** Goes into references, so it must not change. Default: `aws.s3driver`, as in other SDKs. */
  readonly driverName?: string;
  /** Larger payloads are refused. Bytes. Default: 50 MiB. */
  readonly maxPayloadSize?: number;
  /** Of one attempt, in milliseconds. Default: 60,000. */
  readonly requestTimeoutMs?: number;
}

const TYPE = 'aws.s3driver';
const DEFAULT_MAX_PAYLOAD_BYTES = 50 * 1024 * 1024;
const DEFAULT_REQUEST_TIMEOUT_MS = 60_000;
const CONCURRENCY = 16;
const ATTEMPTS = 4;
const FIRST_DELAY_MS = 100;
const NO_BODY = new Uint8Array(0);
const MOST_EXPLANATION = 300;

/**
 * Objects are named by the digest of what is in them, as the S3 drivers of other SDKs name them, and their claims are read by those drivers.
 * Nothing is ever deleted: give the bucket a lifecycle rule that is longer than the longest execution plus the retention of its namespace.
 */
export class S3StorageDriver implements StorageDriver {
  readonly type = TYPE;
  readonly name: string;
  readonly #options: S3StorageDriverOptions;
  readonly #region: string;

  /** @throws ValueError if `endpoint` is no URL. */
  constructor(options: S3StorageDriverOptions) {
    if (options.endpoint !== undefined && !URL.canParse(options.endpoint)) throw new ValueError(`The endpoint of an S3 store is a URL, not ${JSON.stringify(options.endpoint)}.`);
    this.name = options.driverName ?? TYPE;
    this.#options = options;
    this.#region = options.region ?? process.env['AWS_REGION'] ?? 'us-east-1';
  }

  /** @throws ValueError if a payload is too large; Error if the store refuses, or cannot be reached in four attempts. */
  store(context: StorageDriverStoreContext, payloads: Payload[]): Promise<StorageDriverClaim[]> {
    const { bucket, maxPayloadSize = DEFAULT_MAX_PAYLOAD_BYTES } = this.#options;
    return inTurns(payloads, CONCURRENCY, context.abortSignal, async (payload) => {
      const stored = storedPayload(payload, maxPayloadSize);
      const chosen = typeof bucket === 'string' ? bucket : bucket(context, payload);
      const there = await this.#request('HEAD', chosen, stored.key, NO_BODY, context.abortSignal, [404, 403]);
      if (!there.ok) await this.#request('PUT', chosen, stored.key, stored.bytes, context.abortSignal);
      return claimOf(stored, { bucket: chosen });
    });
  }

  /** @throws ValueError if an object is missing or was changed; Error if the store refuses, or cannot be reached in four attempts. */
  retrieve({ abortSignal }: StorageDriverRetrieveContext, claims: StorageDriverClaim[]): Promise<Payload[]> {
    return inTurns(claims, CONCURRENCY, abortSignal, async (claim) => {
      const bucket = claimField(claim, 'bucket');
      const key = claimField(claim, 'key');
      const { ok, body } = await this.#request('GET', bucket, key, NO_BODY, abortSignal, [404]);
      if (!ok) throw new ValueError(`the bucket "${bucket}" has no object "${key}": it was deleted, or a lifecycle rule removes objects too early.`);
      return verifiedPayload(claim, body);
    });
  }

  /** Tries again what may pass. @throws Error for an answer that is neither good nor `expected`. */
  async #request(method: string, bucket: string, key: string, body: Uint8Array, signal: AbortSignal | undefined, expected: readonly number[] = []): Promise<{ ok: boolean; body: Uint8Array }> {
    const url = this.#urlOf(bucket, key);
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      const outcome = await this.#attempt(method, url, body, signal);
      if (outcome.kind === 'answered') {
        const { status } = outcome;
        if (status < 300) return { ok: true, body: outcome.body };
        if (expected.includes(status)) return { ok: false, body: outcome.body };
        const isPassing = status >= 500 || status === 429 || status === 408;
        if (!isPassing || attempt === ATTEMPTS) throw new Error(`${method} ${url.href} was answered ${status}${explanation(outcome.body)}`);
      } else if (attempt === ATTEMPTS || signal?.aborted) throw new Error(`${method} ${url.href}: ${describe(outcome.error)}`, { cause: outcome.error });
      await delay(FIRST_DELAY_MS * 2 ** (attempt - 1), undefined, { ref: true, ...(signal && { signal }) });
    }
  }

  async #attempt(method: string, url: URL, body: Uint8Array, signal: AbortSignal | undefined): Promise<{ kind: 'answered'; status: number; body: Uint8Array } | { kind: 'failed'; error: unknown }> {
    const credentials = await this.#credentials();
    // Signed anew each time: a signature is good for some minutes only.
    const { host: _, ...headers } = signedHeaders({ method, url, headers: {}, body }, credentials, this.#region, new Date());
    const timeout = AbortSignal.timeout(this.#options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS);
    try {
      const response = await fetch(url, {
        method,
        headers,
        redirect: 'manual',
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        ...(method === 'PUT' && { body: body as Uint8Array<ArrayBuffer> }),
      });
      return { kind: 'answered', status: response.status, body: new Uint8Array(await response.arrayBuffer()) };
    } catch (error) {
      return { kind: 'failed', error };
    }
  }

  async #credentials(): Promise<S3Credentials> {
    const { credentials = fromEnvironment } = this.#options;
    return typeof credentials === 'function' ? credentials() : credentials;
  }

  #urlOf(bucket: string, key: string): URL {
    const { endpoint } = this.#options;
    if (endpoint !== undefined) return new URL(`${endpoint.replace(/\/+$/, '')}/${encodedPath(`${bucket}/${key}`)}`);
    // A name with dots does not fit the certificate of the form with the bucket in the host.
    const isHost = /^[a-z0-9-]+$/.test(bucket);
    const host = `s3.${this.#region}.amazonaws.com`;
    return new URL(isHost ? `https://${bucket}.${host}/${encodedPath(key)}` : `https://${host}/${encodedPath(`${bucket}/${key}`)}`);
  }
}

function fromEnvironment(): S3Credentials {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = process.env;
  if (!accessKeyId || !secretAccessKey) throw new ValueError('There are no credentials for S3: give `credentials`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.');
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
}

/** S3 explains itself in XML: its message says what is wrong better than the status. */
function explanation(body: Uint8Array): string {
  const text = Buffer.from(body).toString('utf8');
  const [code, message] = ['Code', 'Message'].map((tag) => new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(text)?.[1]);
  const said = [code, message].filter(Boolean).join(': ');
  return said === '' ? '' : `: ${said.slice(0, MOST_EXPLANATION)}`;
}

/** `fetch failed` says nothing; its cause does. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.message : error.message;
}
