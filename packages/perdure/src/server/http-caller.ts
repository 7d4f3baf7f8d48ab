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

function post({ url, headers, body, timeoutMs }: HttpRequest, closing: AbortSignal): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const client = url.startsWith('https:') ? https : http;
    const signal = AbortSignal.any([closing, AbortSignal.timeout(timeoutMs)]);
    const request = client.request(
      url,
      { method: 'POST', agent: false, signal, headers: { ...Object.fromEntries(headers), 'content-length': body.byteLength } },
      (response) => {
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
