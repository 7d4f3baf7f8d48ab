/**
 * Through an HTTP proxy: a tunnel that the proxy opens to the server on CONNECT, as networks demand that let nothing out directly.
 *
 * What travels in the tunnel is the same as without a proxy; with TLS the proxy sees nothing of it. The way to the proxy itself is not
 * encrypted, its password included.
 */
import net from 'node:net';
import { Code, RpcError } from '../protocol/errors.js';
import { onAbort, reasonOf } from './call-ending.js';

/** A proxy that takes CONNECT. */
export interface HttpConnectProxyConfig {
  readonly type: 'http-connect';
  /** `host:port` or `http://host:port`. An IPv6 address needs brackets. */
  readonly targetHost: string;
  /** Default: the proxy asks for none. */
  readonly basicAuth?: { readonly username: string; readonly password: string };
}

export type ProxyConfig = HttpConnectProxyConfig;

/** A proxy as it is used: checked, with its request line's secrets ready. */
export interface Proxy {
  readonly host: string;
  readonly port: number;
  readonly authorization: string | undefined;
}

/** No proxy says so much before the tunnel begins. */
const MAX_HEAD_BYTES = 16 * 1024;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** @throws TypeError for a configuration that names no proxy */
export function proxyOf({ type, targetHost, basicAuth }: ProxyConfig): Proxy {
  if (type !== 'http-connect') throw new TypeError(`proxy.type is 'http-connect', not ${JSON.stringify(type)}.`);
  const found = /^(?:http:\/\/)?(\[[0-9a-fA-F:.%]+\]|[^\s:/[\]@?#]+):([0-9]{1,5})$/.exec(targetHost);
  if (found === null) throw new TypeError(`proxy.targetHost is host:port or http://host:port, for example http://proxy.example:3128, not ${JSON.stringify(targetHost)}.`);
  const [, host = '', port] = found;
  if (basicAuth !== undefined && /[:@]/.test(basicAuth.username)) throw new TypeError('proxy.basicAuth.username must not contain : or @.');
  const authorization = basicAuth && `Basic ${Buffer.from(`${basicAuth.username}:${basicAuth.password}`).toString('base64')}`;
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port), authorization };
}

export interface TunnelOptions {
  /** `host:port` of the server. */
  readonly address: string;
  readonly timeoutMs: number;
  /** Aborted when no connection is wanted any more. */
  readonly closing: AbortSignal;
}

/**
 * A socket that reaches the server, paused; nothing has been sent to it.
 *
 * @throws RpcError UNAVAILABLE that names the address, the proxy and the reason
 */
export function openTunnel(proxy: Proxy, { address, timeoutMs, closing }: TunnelOptions): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: proxy.host, port: proxy.port, noDelay: true }, () => socket.write(requestFor(address, proxy)));
    let head = Buffer.alloc(0);
    const settle = (): void => {
      clearTimeout(timer);
      stopListening();
      socket.off('data', onData).off('error', onError).off('close', onClose);
    };
    const fail = (reason: string): void => {
      settle();
      reject(new RpcError(Code.UNAVAILABLE, `no connection to ${address} through the proxy ${proxy.host}:${proxy.port}: ${reason}`));
      socket.destroy();
    };
    const onData = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf(END_OF_HEAD);
      if (end < 0) return head.byteLength > MAX_HEAD_BYTES ? fail('its answer is not that of a proxy') : undefined;
      const refusal = refusalIn(head.toString('latin1', 0, end), proxy);
      if (refusal !== undefined) return fail(refusal);
      settle();
      // Whoever reads on gets what the server has said already.
      socket.pause();
      const rest = head.subarray(end + END_OF_HEAD.byteLength);
      if (rest.byteLength > 0) socket.unshift(rest);
      resolve(socket);
    };
    const onError = (error: Error): void => fail(reasonOf(error));
    const onClose = (): void => fail('the proxy closed the connection');
    // An error that comes after all is over is nobody's.
    socket.on('error', () => undefined);
    socket.on('data', onData).on('error', onError).on('close', onClose);
    const timer = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
    const stopListening = onAbort(closing, () => fail('it is not wanted any more'));
  });
}

function requestFor(address: string, { authorization }: Proxy): string {
  const lines = [`CONNECT ${address} HTTP/1.1`, `Host: ${address}`, ...(authorization === undefined ? [] : [`Proxy-Authorization: ${authorization}`])];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Undefined: the tunnel is open. */
function refusalIn(head: string, { authorization }: Proxy): string | undefined {
  const [, status, reason = ''] = /^HTTP\/1\.[01] ([0-9]{3})(?: ([^\r\n]*))?/.exec(head) ?? [];
  if (status === undefined) return 'its answer is not HTTP';
  if (status.startsWith('2')) return undefined;
  const remedy = status === '407' ? `. ${authorization === undefined ? 'Give `proxy.basicAuth`' : 'Check `proxy.basicAuth`'}` : '';
  return `it answered ${status} ${reason}`.trimEnd() + remedy;
}
