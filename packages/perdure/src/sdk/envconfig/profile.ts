/** What a profile of the configuration says: the same for every SDK and tool of the field. */

/** The contents of a file, or where it is. */
export type ConfigDataSource = { readonly path: string } | { readonly data: string | Uint8Array };

export interface ClientConfigTLS {
  /** True: not encrypted, whatever else is given. */
  readonly disabled?: boolean;
  /** The name that the server's certificate must carry, if it is not the host of the address. */
  readonly serverName?: string;
  /** PEM. */
  readonly clientCert?: ConfigDataSource;
  /** PEM. */
  readonly clientKey?: ConfigDataSource;
  /** Authorities to trust, PEM. Default: those that Node trusts. */
  readonly serverCACert?: ConfigDataSource;
}

export interface ClientConfigProfile {
  /** `host:port` */
  readonly address?: string;
  readonly namespace?: string;
  readonly apiKey?: string;
  readonly tls?: ClientConfigTLS;
  /** Metadata of each request; names in lower case, with dashes. */
  readonly grpcMeta?: Readonly<Record<string, string>>;
}

export interface ClientConfig {
  readonly profiles: Readonly<Record<string, ClientConfigProfile>>;
}

/** The configuration cannot be used: the message says which key, and what to do. */
export class ClientConfigError extends Error {
  override readonly name = 'ClientConfigError';
}

/** `X_Api_Key` and `x-api-key` are the same name. */
export function metadataName(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/** Without the keys that have no value. */
export function compact<T extends object>(value: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as T;
}
