/**
 * Options in the form that Temporal's test package takes them, in the environment's own. What concerns a downloaded server (its port, file,
 * version, log) has no meaning here and is passed over.
 */
import type { ClientOptions, ClientPlugin } from '../sdk/client/index.js';
import type { SearchAttributeKey, SearchAttributeType } from '../sdk/common/index.js';
import type { SearchAttributeTypeName } from '../server/index.js';
import type { TestEnvironmentOptions } from './environment.js';

export interface TemporalStyleOptions {
  /** Options of `env.client`. */
  readonly client?: Omit<ClientOptions, 'connection' | 'namespace'>;
  /** Of `env.client`. Workers have plugins of their own. */
  readonly plugins?: readonly ClientPlugin[];
  /** Of the server: its namespace, and search attributes to make. Everything else is passed over. */
  readonly server?: {
    readonly namespace?: string;
    readonly searchAttributes?: readonly SearchAttributeKey<SearchAttributeType>[];
    readonly [passedOver: string]: unknown;
  };
}

/** What Temporal calls `KEYWORD_LIST` is `KeywordList` here; all other types differ in case only. */
const typeName = (type: string): SearchAttributeTypeName =>
  type
    .toLowerCase()
    .replace(/(^|_)([a-z])/g, (_, _before, letter: string) => letter.toUpperCase()) as SearchAttributeTypeName;

/** The same options without `server` and `plugins`; what they name themselves goes first. */
export function fromTemporal({ server, plugins, ...given }: TestEnvironmentOptions): TestEnvironmentOptions {
  const options = plugins === undefined ? given : { ...given, client: { ...given.client, plugins: [...(given.client?.plugins ?? []), ...plugins] } };
  if (server === undefined) return options;
  const { namespace, searchAttributes = [] } = server;
  return {
    ...(namespace !== undefined && { namespace }),
    ...options,
    searchAttributes: { ...Object.fromEntries(searchAttributes.map(({ name, type }) => [name, typeName(type)])), ...options.searchAttributes },
  };
}
