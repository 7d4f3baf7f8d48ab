/** What all clients have: a connection, a namespace, an identity, a data converter. */
import { hostname } from 'node:os';
import type { Init, Method } from '../../protocol/index.js';
import type { DataConverter, LoadedDataConverter } from '../common/index.js';
import { Connection, type ConnectionLike, type Metadata, type RequestOptions } from './connection.js';
import { loadDataConverter } from './load-data-converter.js';

export interface BaseClientOptions {
  /** Default: a lazy connection to `localhost:7233`. */
  connection?: ConnectionLike;
  /** Default `default`. */
  namespace?: string;
  /** Who is acting, as histories show it. Default `<pid>@<host>`. */
  identity?: string;
  dataConverter?: DataConverter;
}

/** The options of a client, with every default filled in. */
export interface LoadedClientOptions {
  readonly connection: Connection;
  readonly namespace: string;
  readonly identity: string;
  readonly loadedDataConverter: LoadedDataConverter;
}

export class BaseClient {
  readonly connection: Connection;
  readonly namespace: string;
  readonly identity: string;
  protected readonly dataConverter: LoadedDataConverter;

  constructor(options: BaseClientOptions = {}) {
    const { connection = Connection.lazy() } = options;
    this.connection = connection instanceof Connection ? connection : Connection.from(connection.transport, connection);
    this.namespace = options.namespace ?? 'default';
    this.identity = options.identity ?? `${process.pid}@${hostname()}`;
    this.dataConverter = loadDataConverter(options.dataConverter);
  }

  /** What the client was made with, completed by defaults. */
  get options(): LoadedClientOptions {
    const { connection, namespace, identity, dataConverter: loadedDataConverter } = this;
    return { connection, namespace, identity, loadedDataConverter };
  }

  /** The server's RPCs as methods that take and give protocol messages. The namespace is not filled in. */
  get workflowService(): Connection['workflowService'] {
    return this.connection.workflowService;
  }

  /** See {@link Connection.withDeadline}. */
  withDeadline<R>(deadline: number | Date, fn: () => Promise<R>): Promise<R> {
    return this.connection.withDeadline(deadline, fn);
  }

  /** See {@link Connection.withAbortSignal}. */
  withAbortSignal<R>(signal: AbortSignal, fn: () => Promise<R>): Promise<R> {
    return this.connection.withAbortSignal(signal, fn);
  }

  /** See {@link Connection.withMetadata}. */
  withMetadata<R>(metadata: Metadata, fn: () => Promise<R>): Promise<R> {
    return this.connection.withMetadata(metadata, fn);
  }

  protected call<Request, Response>(method: Method<Request, Response>, request: Init<Request>, options?: RequestOptions): Promise<Response> {
    return this.connection.call(method, request, options);
  }
}
