/** What environment variables say about a profile: they win over the file. */
import { ClientConfigError, compact, metadataName, type ClientConfigProfile, type ClientConfigTLS, type ConfigDataSource } from './profile.js';
import { dataSource } from './toml.js';

export type Environment = Readonly<Record<string, string | undefined>>;

const METADATA_PREFIX = 'TEMPORAL_GRPC_META_';

/** @throws ClientConfigError */
export function overriddenBy(profile: ClientConfigProfile, environment: Environment): ClientConfigProfile {
  return compact<ClientConfigProfile>({
    address: environment['TEMPORAL_ADDRESS'] ?? profile.address,
    namespace: environment['TEMPORAL_NAMESPACE'] ?? profile.namespace,
    apiKey: environment['TEMPORAL_API_KEY'] ?? profile.apiKey,
    tls: merged(profile.tls, tlsOf(environment)),
    grpcMeta: metadata(profile.grpcMeta, environment),
  });
}

function tlsOf(environment: Environment): ClientConfigTLS {
  const enabled = boolean('TEMPORAL_TLS', environment);
  return compact<ClientConfigTLS>({
    disabled: enabled === undefined ? undefined : !enabled,
    serverName: environment['TEMPORAL_TLS_SERVER_NAME'],
    clientCert: source('TEMPORAL_TLS_CLIENT_CERT', environment),
    clientKey: source('TEMPORAL_TLS_CLIENT_KEY', environment),
    serverCACert: source('TEMPORAL_TLS_SERVER_CA_CERT', environment),
  });
}

function source(name: string, environment: Environment): ConfigDataSource | undefined {
  return dataSource(environment[`${name}_PATH`], environment[`${name}_DATA`], `${name}_PATH`, `${name}_DATA`);
}

/** `undefined` if neither says anything: whether to encrypt is then decided by the API key. */
function merged(profile: ClientConfigTLS | undefined, environment: ClientConfigTLS): ClientConfigTLS | undefined {
  return profile === undefined && Object.keys(environment).length === 0 ? undefined : { ...profile, ...environment };
}

/** `TEMPORAL_GRPC_META_X_TENANT=a` sets `x-tenant`; an empty value removes what the file says. */
function metadata(profile: Readonly<Record<string, string>> | undefined, environment: Environment): Readonly<Record<string, string>> | undefined {
  const all = new Map(Object.entries(profile ?? {}));
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith(METADATA_PREFIX) || value === undefined) continue;
    const key = metadataName(name.slice(METADATA_PREFIX.length));
    if (value === '') all.delete(key);
    else all.set(key, value);
  }
  return all.size === 0 ? undefined : Object.fromEntries(all);
}

function boolean(name: string, environment: Environment): boolean | undefined {
  const value = environment[name]?.toLowerCase();
  if (value === undefined || value === '') return undefined;
  if (value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw new ClientConfigError(`${name} must be true or false, not "${environment[name]}".`);
}
