/** `URL` and `URLSearchParams`. Parsing is done outside, by the runtime's own parser; only text crosses the border. */
import type { RealmHost } from '../realm-host.js';

const PARTS = ['protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'hash'] as const;

export class URLSearchParams {
  #pairs: [string, string][] = [];
  #changed: (() => void) | undefined;

  constructor(init?: string | Iterable<readonly [string, string]> | Readonly<Record<string, string>>) {
    if (typeof init === 'string') this.#pairs = parseQuery(init);
    else if (init && Symbol.iterator in init) for (const [name, value] of init) this.#pairs.push([String(name), String(value)]);
    else if (init) for (const [name, value] of Object.entries(init)) this.#pairs.push([name, String(value)]);
  }

  /** Parameters that tell their URL when they change. */
  static attached(query: string, changed: () => void): URLSearchParams {
    const params = new URLSearchParams(query);
    params.#changed = changed;
    return params;
  }

  get size(): number {
    return this.#pairs.length;
  }

  append(name: string, value: string): void {
    this.#pairs.push([String(name), String(value)]);
    this.#changed?.();
  }

  delete(name: string): void {
    this.#pairs = this.#pairs.filter(([key]) => key !== name);
    this.#changed?.();
  }

  get(name: string): string | null {
    return this.#pairs.find(([key]) => key === name)?.[1] ?? null;
  }

  getAll(name: string): string[] {
    return this.#pairs.filter(([key]) => key === name).map(([, value]) => value);
  }

  has(name: string): boolean {
    return this.#pairs.some(([key]) => key === name);
  }

  set(name: string, value: string): void {
    const first = this.#pairs.findIndex(([key]) => key === name);
    if (first < 0) this.#pairs.push([name, String(value)]);
    else {
      this.#pairs[first] = [name, String(value)];
      this.#pairs = this.#pairs.filter(([key], index) => key !== name || index === first);
    }
    this.#changed?.();
  }

  sort(): void {
    this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    this.#changed?.();
  }

  forEach(callback: (value: string, name: string, parent: URLSearchParams) => void): void {
    for (const [name, value] of this.#pairs) callback(value, name, this);
  }

  keys(): IterableIterator<string> {
    return this.#pairs.map(([name]) => name)[Symbol.iterator]();
  }

  values(): IterableIterator<string> {
    return this.#pairs.map(([, value]) => value)[Symbol.iterator]();
  }

  entries(): IterableIterator<[string, string]> {
    return this.#pairs.map(([name, value]): [string, string] => [name, value])[Symbol.iterator]();
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  toString(): string {
    return this.#pairs.map(([name, value]) => `${encodeForm(name)}=${encodeForm(value)}`).join('&');
  }
}

export function urlClasses(host: RealmHost): { readonly URL: unknown; readonly URLSearchParams: unknown } {
  class URL {
    #href: string;
    #params: URLSearchParams | undefined;

    constructor(url: string, base?: string) {
      const href = host.parseUrl(String(url), base === undefined ? undefined : String(base));
      if (href === undefined) throw Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input: String(url) });
      this.#href = href;
    }

    static canParse(url: string, base?: string): boolean {
      return host.parseUrl(String(url), base === undefined ? undefined : String(base)) !== undefined;
    }

    get href(): string {
      return this.#href;
    }

    get origin(): string {
      return host.urlPart(this.#href, 'origin');
    }

    get search(): string {
      return host.urlPart(this.#href, 'search');
    }

    set search(value: string) {
      this.#href = host.withUrlPart(this.#href, 'search', String(value));
      this.#params = undefined;
    }

    get searchParams(): URLSearchParams {
      return (this.#params ??= URLSearchParams.attached(this.search, () => {
        this.#href = host.withUrlPart(this.#href, 'search', this.#params!.toString());
      }));
    }

    /** For {@link PARTS}, whose accessors are all alike. */
    static part(url: URL, part: string, value?: string): string {
      if (value !== undefined) url.#href = host.withUrlPart(url.#href, part, value);
      return host.urlPart(url.#href, part);
    }

    toString(): string {
      return this.#href;
    }

    toJSON(): string {
      return this.#href;
    }
  }
  const { part } = URL;
  for (const name of PARTS) {
    Object.defineProperty(URL.prototype, name, {
      configurable: true,
      enumerable: true,
      get(this: URL) {
        return part(this, name);
      },
      set(this: URL, value: unknown) {
        part(this, name, String(value));
      },
    });
  }
  return { URL, URLSearchParams };
}

function parseQuery(query: string): [string, string][] {
  const text = query.startsWith('?') ? query.slice(1) : query;
  return text.split('&').filter((pair) => pair !== '').map((pair) => {
    const equals = pair.indexOf('=');
    return equals < 0 ? [decodeForm(pair), ''] : [decodeForm(pair.slice(0, equals)), decodeForm(pair.slice(equals + 1))];
  });
}

function decodeForm(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

function encodeForm(text: string): string {
  return encodeURIComponent(text).replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`).replaceAll('%20', '+');
}
