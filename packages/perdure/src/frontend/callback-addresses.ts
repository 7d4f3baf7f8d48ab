/**
 * Which addresses completion callbacks may have.
 *
 * The server calls them from where it runs, so a client that could name any address could reach what only the server reaches. So nothing
 * is allowed but what the operator lists: `scheme://host[:port]`, with `*` for any run of characters in the host or as the port. Without
 * a port the scheme's own is meant. The path is free.
 */
import { Callback, Code, RpcError, type Encoded } from '../protocol/index.js';
import { SYSTEM_CALLBACK_URL } from './nexus/callback-token.js';
import { invalidArgument } from './refusals.js';
import type { NamespaceLimits } from './request-limits.js';


interface Rule {
  readonly protocol: string;
  readonly host: RegExp;
  /** Empty: the scheme's own. `*`: any. */
  readonly port: string;
}

const RULE = /^(https?):\/\/(\[[^\]]+\]|[^/:]+)(?::(\*|\d{1,5}))?\/?$/i;

export class CallbackAddresses {
  readonly #rules: readonly Rule[];

  /** @throws TypeError a pattern cannot be read */
  constructor(patterns: readonly string[]) {
    this.#rules = patterns.map(parseRule);
  }

  allows(url: URL): boolean {
    return this.#rules.some(
      ({ protocol, host, port }) => protocol === url.protocol && host.test(url.hostname) && (port === '*' || port === url.port),
    );
  }

  /** The callbacks of a request, as they are kept: headers in lower case. @throws RpcError INVALID_ARGUMENT, FAILED_PRECONDITION */
  check(callbacks: readonly Encoded<Callback>[], limits: NamespaceLimits): Encoded<Callback>[] {
    if (callbacks.length > limits.callbacksPerRun) {
      throw new RpcError(Code.FAILED_PRECONDITION, `cannot attach more than ${limits.callbacksPerRun} callbacks to a workflow`);
    }
    return callbacks.map((callback) => this.#checkOne(Callback.decode(callback), limits));
  }

  #checkOne({ nexus, internal, links }: Callback, limits: NamespaceLimits): Encoded<Callback> {
    if (nexus === undefined) {
      if (internal !== undefined) throw invalidArgument('unsupported callback variant: internal');
      throw new RpcError(Code.UNIMPLEMENTED, 'unknown callback variant: set nexus with a URL');
    }
    this.#checkUrl(nexus.url, limits);
    const header = new Map([...nexus.header].map(([name, value]) => [name.toLowerCase(), value]));
    checkHeaders(header, limits);
    return Callback.encode({ nexus: { url: nexus.url, header }, links });
  }

  #checkUrl(text: string, { callbackUrlLengthBytes }: NamespaceLimits): void {
    if (Buffer.byteLength(text) > callbackUrlLengthBytes) {
      throw invalidArgument(`invalid url: url length longer than max length allowed of ${callbackUrlLengthBytes}`);
    }
    if (text === SYSTEM_CALLBACK_URL) return;
    const url = readUrl(text);
    if (url === undefined) throw invalidArgument(`invalid url: ${/^https?:\/\/($|[/?#])/.test(text) ? 'missing host' : `cannot be read: ${text}`}`);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') throw invalidArgument(`invalid url: unknown scheme: ${text}`);
    if (!this.allows(url)) {
      throw invalidArgument(`invalid url: url does not match any configured callback address: ${text}. The operator of the server lists the allowed ones (--callback-address).`);
    }
  }
}

/** @throws TypeError the pattern cannot be read */
export function checkCallbackAddress(pattern: string): void {
  parseRule(pattern);
}

/** For rules and for deliveries alike. */
export function readUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function parseRule(pattern: string): Rule {
  const match = RULE.exec(pattern);
  if (match === null) throw new TypeError(`The callback address "${pattern}" cannot be read: write for example https://*.example.com or http://localhost:*.`);
  const [, scheme = '', host = '', port = ''] = match;
  const protocol = `${scheme.toLowerCase()}:`;
  const own = protocol === 'https:' ? '443' : '80';
  return { protocol, host: wildcard(host.toLowerCase()), port: port === own ? '' : port };
}

function wildcard(host: string): RegExp {
  return new RegExp(`^${host.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&')).join('.*')}$`);
}

/** Characters that would end a header line; what HTTP itself forbids in a name. */
function checkHeaders(header: ReadonlyMap<string, string>, { callbackHeaderSizeBytes }: NamespaceLimits): void {
  let bytes = 0;
  for (const [name, value] of header) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
    // eslint-disable-next-line no-control-regex
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) || /[\u0000-\u0008\u000a-\u001f\u007f]|[^\u0000-\u00ff]/.test(value)) {
      throw invalidArgument(`invalid header: "${name.slice(0, 100)}" is no header that HTTP can carry`);
    }
  }
  if (bytes > callbackHeaderSizeBytes) throw invalidArgument(`invalid header: header size longer than max allowed size of ${callbackHeaderSizeBytes}`);
}
