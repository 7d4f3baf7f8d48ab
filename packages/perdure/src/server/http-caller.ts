/** The real {@link HttpCaller}: Node's HTTP and HTTPS clients, one connection for each call. */
import http from 'node:http';
import https from 'node:https';
import type { HttpAnswer, HttpCaller, HttpRequest } from '../ports/index.js';

export function openHttpCaller(): HttpCaller {
  const closing = new AbortController();
  return {
    post: (request) => post(request, closing.signal),
    close: () => closing.abort(),
  };
}

function post({ url, headers, body, timeoutMs, readsUpToBytes }: HttpRequest, closing: AbortSignal): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const client = url.startsWith('https:') ? https : http;
    const signal = AbortSignal.any([closing, AbortSignal.timeout(timeoutMs)]);
    const request = client.request(
      url,
      { method: 'POST', agent: false, signal, headers: { ...Object.fromEntries(headers), 'content-length': body.byteLength } },
      (response) => {
        if (readsUpToBytes !== undefined) return read(response, readsUpToBytes).then(resolve, reject);
        // The status is the answer; what else the server says is not read.
        resolve({ status: response.statusCode ?? 0 });
        response.on('error', () => {});
        response.destroy();
      },
    );
    request.on('error', (error) => reject(closing.aborted || !signal.aborted ? error : new Error(`no answer within ${timeoutMs} ms`)));
    request.end(body);
  });
}

function read(response: http.IncomingMessage, mostBytes: number): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('error', reject);
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength;
      if (bytes <= mostBytes) chunks.push(chunk);
      else response.destroy(new Error(`the answer is longer than ${mostBytes} bytes`));
    });
    response.on('end', () => {
      const headers = new Map(Object.entries(response.headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]));
      resolve({ status: response.statusCode ?? 0, headers, body: Buffer.concat(chunks) });
    });
  });
}
