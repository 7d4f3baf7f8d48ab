/**
 * The configuration as a TOML text: `[profile.<name>]` tables with `address`, `namespace`, `api_key`, and tables `tls` and `grpc_meta`.
 *
 * A value of the wrong type is refused always, an unknown key only in strict mode: the file is shared with tools that know other keys.
 */
import { parse, stringify, TomlError } from 'smol-toml';
import { ClientConfigError, compact, metadataName, type ClientConfig, type ClientConfigProfile, type ClientConfigTLS, type ConfigDataSource } from './profile.js';

type Table = Readonly<Record<string, unknown>>;

const PROFILE_KEYS = ['address', 'namespace', 'api_key', 'tls', 'codec', 'grpc_meta'];
const TLS_KEYS = [
  'disabled',
  'server_name',
  'client_cert_path',
  'client_cert_data',
  'client_key_path',
  'client_key_data',
  'server_ca_cert_path',
  'server_ca_cert_data',
  'disable_host_verification',
];
const CODEC_KEYS = ['endpoint', 'auth'];

/** @throws ClientConfigError */
export function configFromToml(text: string, strict: boolean): ClientConfig {
  const root = parsed(text);
  if (strict) refuseUnknown(root, ['profile'], '');
  const profiles = Object.entries(table(root, 'profile', '') ?? {}).map(([name, profile]) => {
    const at = `profile.${name}`;
    if (!isTable(profile)) throw new ClientConfigError(`${at} must be a table, [${at}].`);
    return [name, profileFrom(profile, at, strict)] as const;
  });
  return { profiles: Object.fromEntries(profiles) };
}

export function configToToml(config: ClientConfig): string {
  const profiles = Object.entries(config.profiles).map(([name, { address, namespace, apiKey, tls, grpcMeta }]) => [
    name,
    compact({ address, namespace, api_key: apiKey, tls: tls && tlsToTable(tls), grpc_meta: grpcMeta }),
  ]);
  return `${stringify({ profile: Object.fromEntries(profiles) as Record<string, unknown> })}\n`;
}

function parsed(text: string): Table {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new ClientConfigError(`The configuration is not TOML: line ${error.line}, column ${error.column}: ${error.message.split('\n')[0]}`, { cause: error });
  }
}

function profileFrom(profile: Table, at: string, strict: boolean): ClientConfigProfile {
  const tls = table(profile, 'tls', at);
  const codec = table(profile, 'codec', at);
  const metadata = table(profile, 'grpc_meta', at);
  if (strict) {
    refuseUnknown(profile, PROFILE_KEYS, at);
    if (tls) refuseUnknown(tls, TLS_KEYS, `${at}.tls`);
    if (codec) refuseUnknown(codec, CODEC_KEYS, `${at}.codec`);
  }
  return compact<ClientConfigProfile>({
    address: string(profile, 'address', at),
    namespace: string(profile, 'namespace', at),
    apiKey: string(profile, 'api_key', at),
    tls: tls && tlsFrom(tls, `${at}.tls`),
    grpcMeta: metadata && Object.fromEntries(Object.keys(metadata).map((name) => [metadataName(name), string(metadata, name, `${at}.grpc_meta`) ?? ''])),
  });
}

function tlsFrom(tls: Table, at: string): ClientConfigTLS {
  return compact<ClientConfigTLS>({
    disabled: boolean(tls, 'disabled', at),
    serverName: string(tls, 'server_name', at),
    clientCert: source(tls, 'client_cert', at),
    clientKey: source(tls, 'client_key', at),
    serverCACert: source(tls, 'server_ca_cert', at),
  });
}

function source(tls: Table, key: string, at: string): ConfigDataSource | undefined {
  return dataSource(string(tls, `${key}_path`, at), string(tls, `${key}_data`, at), `${at}.${key}_path`, `${at}.${key}_data`);
}

/** @throws ClientConfigError if both are given: one of them would be forgotten. */
export function dataSource(path: string | undefined, data: string | undefined, pathKey: string, dataKey: string): ConfigDataSource | undefined {
  if (path !== undefined && data !== undefined) throw new ClientConfigError(`Give either ${pathKey} or ${dataKey}, not both.`);
  if (data !== undefined) return { data };
  return path === undefined ? undefined : { path };
}

function tlsToTable({ disabled, serverName, clientCert, clientKey, serverCACert }: ClientConfigTLS): Record<string, unknown> {
  return {
    ...compact({ disabled, server_name: serverName }),
    ...sourceToTable('client_cert', clientCert),
    ...sourceToTable('client_key', clientKey),
    ...sourceToTable('server_ca_cert', serverCACert),
  };
}

function sourceToTable(key: string, from: ConfigDataSource | undefined): Record<string, string> {
  if (from === undefined) return {};
  return 'path' in from ? { [`${key}_path`]: from.path } : { [`${key}_data`]: textOf(from.data) };
}

export function textOf(data: string | Uint8Array): string {
  return typeof data === 'string' ? data : new TextDecoder().decode(data);
}

function refuseUnknown(given: Table, known: readonly string[], at: string): void {
  const unknown = Object.keys(given).filter((key) => !known.includes(key));
  if (unknown.length === 0) return;
  const where = at === '' ? 'The configuration' : at;
  throw new ClientConfigError(`${where} has unknown keys: ${unknown.join(', ')}. Known are: ${known.join(', ')}.`);
}

function string(given: Table, key: string, at: string): string | undefined {
  const value = given[key];
  if (value === undefined || typeof value === 'string') return value;
  throw new ClientConfigError(`${at}.${key} must be a text in quotes.`);
}

function boolean(given: Table, key: string, at: string): boolean | undefined {
  const value = given[key];
  if (value === undefined || typeof value === 'boolean') return value;
  throw new ClientConfigError(`${at}.${key} must be true or false.`);
}

function table(given: Table, key: string, at: string): Table | undefined {
  const value = given[key];
  if (value === undefined || isTable(value)) return value;
  const name = at === '' ? key : `${at}.${key}`;
  throw new ClientConfigError(`${name} must be a table, [${name}].`);
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
