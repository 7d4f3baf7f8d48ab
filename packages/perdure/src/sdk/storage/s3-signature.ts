/**
 * Signature version 4 of AWS, for requests to S3 and to stores that speak its protocol.
 *
 * Only what the driver needs: headers, one region, the whole body hashed. All headers that are given are signed.
 */
import { createHash, createHmac } from 'node:crypto';

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken?: string;
}

export interface RequestToSign {
  readonly method: string;
  /** Its path must be encoded already, by {@link encodedPath}. */
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const SERVICE = 's3';

/** The headers to send: the given ones, and those of the signature. */
export function signedHeaders(request: RequestToSign, credentials: S3Credentials, region: string, now: Date): Record<string, string> {
  const timestamp = now.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const bodyDigest = digestOf(request.body);
  const headers: Record<string, string> = {
    ...request.headers,
    host: request.url.host,
    'x-amz-content-sha256': bodyDigest,
    'x-amz-date': timestamp,
    ...(credentials.sessionToken !== undefined && { 'x-amz-security-token': credentials.sessionToken }),
  };
  const names = Object.keys(headers).sort();
  const signed = names.join(';');
  const query = [...request.url.searchParams].map(([key, value]) => `${encoded(key)}=${encoded(value)}`).sort().join('&');
  const canonical = [request.method, request.url.pathname, query, ...names.map((name) => `${name}:${headers[name]!.trim()}`), '', signed, bodyDigest].join('\n');
  const scope = `${timestamp.slice(0, 8)}/${region}/${SERVICE}/aws4_request`;
  const toSign = [ALGORITHM, timestamp, scope, digestOf(canonical)].join('\n');
  const signature = hmac(signingKey(credentials.secretAccessKey, timestamp.slice(0, 8), region), toSign).toString('hex');
  return { ...headers, authorization: `${ALGORITHM} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}` };
}

/** A key as the path of a URL: S3 wants every byte encoded but the unreserved ones and slashes. */
export function encodedPath(key: string): string {
  return key.split('/').map(encoded).join('/');
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function signingKey(secret: string, date: string, region: string): Buffer {
  return [date, region, SERVICE, 'aws4_request'].reduce<Buffer>((key, part) => hmac(key, part), Buffer.from(`AWS4${secret}`));
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function digestOf(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex');
}
