/** `perdure/plugin`: plugins for connections, clients and workers. */
export { SimplePlugin, type PluginParameter, type SimplePluginOptions } from './simple-plugin.js';
export type { ClientPlugin, ConnectionPlugin } from '../client/index.js';
export type { BundlerPlugin, NativeConnectionPlugin, WorkerPlugin } from '../worker/index.js';
