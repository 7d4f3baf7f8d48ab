/**
 * `perdure/envconfig`: how to connect, read from a `temporal.toml` file and from `TEMPORAL_*` environment variables, as the other SDKs and
 * tools of the field read them. One program then runs against a server on this machine, in a test stage or in production unchanged.
 *
 * The file: `TEMPORAL_CONFIG_FILE`, or `temporalio/temporal.toml` in the user's folder for configurations. The profile: `TEMPORAL_PROFILE`,
 * or `default`. Environment variables win over the file.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { ConnectionOptions, TLSConfig } from '../client/connection.js';
import { overriddenBy, type Environment } from './environment.js';
import { ClientConfigError, compact, type ClientConfig, type ClientConfigProfile, type ClientConfigTLS, type ConfigDataSource } from './profile.js';
import { configFromToml, configToToml, textOf } from './toml.js';

export { ClientConfigError, type ClientConfig, type ClientConfigProfile, type ClientConfigTLS, type ConfigDataSource } from './profile.js';

export interface LoadClientConfigOptions {
  /** Instead of the file that is found by the rules above. */
  readonly configSource?: ConfigDataSource;
  /** Refuse keys that are not known. Default: false. */
  readonly configFileStrict?: boolean;
  /** Default: those of the process. */
  readonly overrideEnvVars?: Environment;
}

export interface LoadClientProfileOptions extends LoadClientConfigOptions {
  /** Default: `TEMPORAL_PROFILE`, else `default`. */
  readonly profile?: string;
  /** Read no file. Default: false. */
  readonly disableFile?: boolean;
  /** Let environment variables override nothing. Default: false. */
  readonly disableEnv?: boolean;
}

export interface ClientConnectConfig {
  /** For `Connection.connect`. */
  readonly connectionOptions: ConnectionOptions;
  /** For `new Client` and `Worker.create`. Absent: their default. */
  readonly namespace?: string;
}

const DEFAULT_PROFILE = 'default';

/**
 * @throws ClientConfigError if the configuration cannot be understood, names files that cannot be read, or lacks the profile that was asked for.
 * @example
 * const { connectionOptions, namespace } = loadClientConnectConfig();
 * const connection = await Connection.connect(connectionOptions);
 * const client = new Client({ connection, namespace });
 */
export function loadClientConnectConfig(options: LoadClientProfileOptions = {}): ClientConnectConfig {
  return toClientOptions(loadClientConfigProfile(options));
}

/** One profile, with what environment variables override. @throws ClientConfigError */
export function loadClientConfigProfile(options: LoadClientProfileOptions = {}): ClientConfigProfile {
  if (options.disableEnv && options.disableFile) throw new ClientConfigError('With disableEnv and disableFile there is nothing to read.');
  const environment = options.overrideEnvVars ?? process.env;
  const fromFile = options.disableFile ? {} : profileOfFile(options, environment);
  return options.disableEnv ? fromFile : overriddenBy(fromFile, environment);
}

/** All profiles of the file, none if there is no file. @throws ClientConfigError */
export function loadClientConfig(options: LoadClientConfigOptions = {}): ClientConfig {
  const text = configText(options, options.overrideEnvVars ?? process.env);
  return text === undefined ? { profiles: {} } : configFromToml(text, options.configFileStrict ?? false);
}

/** @throws ClientConfigError */
export function loadClientConfigFromToml(tomlData: Uint8Array, options: { readonly strict?: boolean } = {}): ClientConfig {
  return configFromToml(textOf(tomlData), options.strict ?? false);
}

export function clientConfigToToml(config: ClientConfig): Uint8Array {
  return new TextEncoder().encode(configToToml(config));
}

/** Reads the files that the profile names. @throws ClientConfigError */
export function toClientOptions(profile: ClientConfigProfile): ClientConnectConfig {
  const connectionOptions = compact<ConnectionOptions>({
    address: profile.address,
    apiKey: profile.apiKey,
    tls: toTLSConfig(profile.tls) ?? (profile.apiKey === undefined ? undefined : true),
    metadata: profile.grpcMeta,
  });
  return { connectionOptions, ...(profile.namespace !== undefined && { namespace: profile.namespace }) };
}

/** `undefined`: the profile does not say whether to encrypt. @throws ClientConfigError */
export function toTLSConfig(config: ClientConfigTLS | undefined): TLSConfig | boolean | undefined {
  if (config === undefined) return undefined;
  if (config.disabled === true) return false;
  const crt = contents(config.clientCert);
  const key = contents(config.clientKey);
  if ((crt === undefined) !== (key === undefined)) throw new ClientConfigError('A client certificate and its key belong together: give client_cert and client_key, or neither.');
  return compact<TLSConfig>({
    serverNameOverride: config.serverName,
    serverRootCACertificate: contents(config.serverCACert),
    clientCertPair: crt === undefined || key === undefined ? undefined : { crt, key },
  });
}

function profileOfFile(options: LoadClientProfileOptions, environment: Environment): ClientConfigProfile {
  const { profiles } = loadClientConfig(options);
  const asked = options.profile ?? (environment['TEMPORAL_PROFILE'] || undefined);
  const name = asked ?? DEFAULT_PROFILE;
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (profile === undefined && asked !== undefined) {
    const known = Object.keys(profiles);
    throw new ClientConfigError(`There is no profile "${asked}". ${known.length === 0 ? 'The configuration has none.' : `There are: ${known.join(', ')}.`}`);
  }
  return profile ?? {};
}

/** A file that somebody named must be there; the one at the default place need not. */
function configText({ configSource }: LoadClientConfigOptions, environment: Environment): string | undefined {
  if (configSource !== undefined) return textOf(contents(configSource) ?? '');
  const named = environment['TEMPORAL_CONFIG_FILE'];
  if (named) return textOf(contents({ path: named }) ?? '');
  const standard = path.join(configFolder(environment), 'temporalio', 'temporal.toml');
  return fs.existsSync(standard) ? textOf(contents({ path: standard }) ?? '') : undefined;
}

/** Where programs of this user keep their configuration, by the custom of the operating system. */
function configFolder(environment: Environment): string {
  const home = environment['HOME'] ?? os.homedir();
  if (process.platform === 'win32') return environment['APPDATA'] ?? path.join(home, 'AppData', 'Roaming');
  if (process.platform === 'darwin') return path.join(home, 'Library', 'Application Support');
  return environment['XDG_CONFIG_HOME'] || path.join(home, '.config');
}

function contents(source: ConfigDataSource | undefined): Uint8Array | undefined {
  if (source === undefined) return undefined;
  if ('data' in source) return typeof source.data === 'string' ? new TextEncoder().encode(source.data) : source.data;
  try {
    return fs.readFileSync(source.path);
  } catch (error) {
    throw new ClientConfigError(`Cannot read the file that the configuration names: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
