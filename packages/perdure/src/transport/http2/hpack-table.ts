/** The static table of HPACK (RFC 7541, appendix A) and the dynamic one (sections 2.3.2 and 4). */

export interface Field {
  readonly name: string;
  readonly value: string;
}

/** Both sides begin with this size of the dynamic table, and an endpoint that says nothing keeps it. */
export const DEFAULT_TABLE_BYTES = 4096;
/** What an entry counts beside its name and value. */
const ENTRY_OVERHEAD = 32;

const WITHOUT_VALUE = [
  'accept-charset', 'accept-encoding gzip, deflate', 'accept-language', 'accept-ranges', 'accept', 'access-control-allow-origin', 'age', 'allow', 'authorization',
  'cache-control', 'content-disposition', 'content-encoding', 'content-language', 'content-length', 'content-location', 'content-range', 'content-type', 'cookie',
  'date', 'etag', 'expect', 'expires', 'from', 'host', 'if-match', 'if-modified-since', 'if-none-match', 'if-range', 'if-unmodified-since', 'last-modified', 'link',
  'location', 'max-forwards', 'proxy-authenticate', 'proxy-authorization', 'range', 'referer', 'refresh', 'retry-after', 'server', 'set-cookie',
  'strict-transport-security', 'transfer-encoding', 'user-agent', 'vary', 'via', 'www-authenticate',
];

/** Its first entry has the index 1. */
export const STATIC_TABLE: readonly Field[] = [
  ':authority', ':method GET', ':method POST', ':path /', ':path /index.html', ':scheme http', ':scheme https', ':status 200', ':status 204', ':status 206',
  ':status 304', ':status 400', ':status 404', ':status 500', ...WITHOUT_VALUE,
].map((entry) => {
  const space = entry.indexOf(' ');
  return space < 0 ? { name: entry, value: '' } : { name: entry.slice(0, space), value: entry.slice(space + 1) };
});

export function sizeOf({ name, value }: Field): number {
  return name.length + value.length + ENTRY_OVERHEAD;
}

/** What the peer told us to remember. The oldest entries make room for new ones. */
export class DynamicTable {
  /** The newest one last. */
  #entries: Field[] = [];
  #bytes = 0;
  #maxBytes = DEFAULT_TABLE_BYTES;

  /** By its index behind the static table: 0 is the newest. */
  at(index: number): Field | undefined {
    return this.#entries[this.#entries.length - 1 - index];
  }

  add(field: Field): void {
    this.#entries.push(field);
    this.#bytes += sizeOf(field);
    this.#evict();
  }

  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#evict();
  }

  #evict(): void {
    let gone = 0;
    while (this.#bytes > this.#maxBytes) this.#bytes -= sizeOf(this.#entries[gone++] as Field);
    if (gone > 0) this.#entries.splice(0, gone);
  }
}
