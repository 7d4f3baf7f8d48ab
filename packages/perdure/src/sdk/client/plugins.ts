/**
 * Plugins of connections and clients: named sets of options, to be added in one line.
 *
 * A plugin given to a connection also configures the clients and workers on it. One that is given twice, here and there, counts once.
 * They are applied in the order in which they are given: first the ones given here, then those of the connection.
 */
import type { ClientOptions } from './client.js';
import type { ConnectionOptions } from './connection.js';

/** Configures connections. */
export interface ConnectionPlugin {
  readonly name: string;
  /** Called before the connection is made, with the options as earlier plugins left them. */
  configureConnection?(options: ConnectionOptions): ConnectionOptions;
}

/** The same for code that comes from an SDK with two kinds of connections. {@link ConnectionPlugin.configureConnection} wins if both are there. */
export interface NativeConnectionPlugin {
  readonly name: string;
  configureNativeConnection?(options: ConnectionOptions): ConnectionOptions;
}

/** Configures clients. */
export interface ClientPlugin {
  readonly name: string;
  /** Called before the client is made, with the options as earlier plugins left them. */
  configureClient?(options: Omit<ClientOptions, 'plugins'>): Omit<ClientOptions, 'plugins'>;
}

/** What a connection can be given: plugins for clients and workers pass through it. */
export type AnyConnectionPlugin = ConnectionPlugin & NativeConnectionPlugin & ClientPlugin;

/** Each once, in order. */
export function allPlugins<Plugin>(own: readonly Plugin[] | undefined, inherited: readonly unknown[] | undefined): Plugin[] {
  return [...new Set([...(own ?? []), ...((inherited ?? []) as readonly Plugin[])])];
}

export function configuredConnection(options: ConnectionOptions): ConnectionOptions {
  return (options.plugins ?? []).reduce((configured: ConnectionOptions, plugin) => {
    if (plugin.configureConnection !== undefined) return plugin.configureConnection(configured);
    return plugin.configureNativeConnection?.(configured) ?? configured;
  }, options);
}

export function configuredClient(options: ClientOptions): Omit<ClientOptions, 'plugins'> {
  const { plugins, ...rest } = options;
  return allPlugins(plugins, options.connection?.plugins).reduce(
    (configured: Omit<ClientOptions, 'plugins'>, plugin) => plugin.configureClient?.(configured) ?? configured,
    rest,
  );
}
