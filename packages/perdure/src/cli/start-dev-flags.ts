/**
 * The flags of `server start-dev`.
 *
 * Test environments of Temporal's SDKs spawn this command with their own set of flags, so every flag that they or scripts use is accepted.
 * One that has no meaning here yet says so in the log at debug level.
 */
import type { Flag } from './spec.js';

const MAX_PORT = 65_535;
const SEARCH_ATTRIBUTE_TYPES = ['Text', 'Keyword', 'Int', 'Double', 'Bool', 'Datetime', 'KeywordList'];

const port = (value: string): string | undefined =>
  /^\d+$/.test(value) && Number(value) <= MAX_PORT ? undefined : `a port is a number from 0 to ${MAX_PORT}; 0 picks a free one`;

const namespace = (value: string): string | undefined => {
  if (value === '') return 'a namespace needs a name';
  return Buffer.byteLength(value) > 1000 ? 'a name has at most 1000 bytes' : undefined;
};

const searchAttribute = (value: string): string | undefined => {
  const type = /^[^=]+=(.*)$/.exec(value)?.[1];
  if (type === undefined) return 'write NAME=TYPE, for example CustomerId=Keyword';
  return SEARCH_ATTRIBUTE_TYPES.some((known) => known.toLowerCase() === type.toLowerCase())
    ? undefined
    : `the type is one of ${SEARCH_ATTRIBUTE_TYPES.join(', ')}`;
};

/** Whether there is such a setting, and what it takes, the server says: to load it would keep every other command waiting. */
const jsonSetting = (value: string): string | undefined => {
  const json = /^[^=]+=(.*)$/s.exec(value)?.[1];
  if (json === undefined) return 'write KEY=JSON, for example limit.maxIDLength=500';
  try {
    JSON.parse(json);
    return undefined;
  } catch {
    return 'the part after = must be JSON; a text needs quotes, for example key=\'"text"\'';
  }
};

const pragma = (value: string): string | undefined => (/^[A-Za-z_.]+=.+$/.test(value) ? undefined : 'write PRAGMA=VALUE');

const without = (flag: Flag): Flag => ({ ...flag, withoutEffect: true });

export const startDevFlags: readonly Flag[] = [
  { name: 'db-filename', short: 'f', type: 'string', value: 'FILE', default: '.perdure/dev.db', help: 'Where the data is. The file and its folder are made if they are missing.' },
  { name: 'ephemeral', type: 'bool', help: 'Keep everything in memory: it is gone when the server stops.' },
  { name: 'test-service', type: 'bool', help: 'Run on a clock that tests can skip, with the RPCs of Temporal\'s TestService. Keeps everything in memory.' },
  { name: 'ip', type: 'string', value: 'IP', default: '127.0.0.1', help: 'The address to listen on. 0.0.0.0 lets other machines in.' },
  { name: 'port', short: 'p', type: 'int', value: 'PORT', default: '7233', check: port, help: 'The port to listen on. 0 picks a free one.' },
  { name: 'namespace', short: 'n', type: 'strings', value: 'NAME', check: namespace, help: 'A namespace to make if it is missing; "default" is always there.' },
  { name: 'log-level', type: 'string', value: 'LEVEL', default: 'warn', choices: ['debug', 'info', 'warn', 'error', 'never'], help: 'The least important messages to write to standard error.' },
  { name: 'log-format', type: 'string', value: 'FORMAT', default: 'text', choices: ['text', 'json', 'pretty'], help: 'How messages are written; pretty is text.' },
  { name: 'http-port', type: 'int', value: 'PORT', check: port, help: 'The port of the HTTP API, with /healthz and /readyz. Default: none. 0 picks a free one.' },
  { name: 'metrics-port', type: 'int', value: 'PORT', check: port, help: 'The port of /metrics for Prometheus. Default: none. 0 picks a free one.' },
  without({ name: 'ui-port', type: 'int', value: 'PORT', check: port, help: 'The port of the console.' }),
  without({ name: 'headless', type: 'bool', help: 'Run without the console.' }),
  without({ name: 'ui-ip', type: 'string', value: 'IP', help: 'The address of the console.' }),
  without({ name: 'ui-public-path', type: 'string', value: 'PATH', help: 'The public path of the console.' }),
  without({ name: 'ui-asset-path', type: 'string', value: 'PATH', help: 'A folder with a console of one\'s own.' }),
  without({ name: 'ui-codec-endpoint', type: 'string', value: 'URL', help: 'The codec server that the console asks.' }),
  without({ name: 'ui-disable-news-fetch', type: 'bool', help: 'Fetch no news in the console.' }),
  without({ name: 'sqlite-pragma', type: 'strings', value: 'PRAGMA=VALUE', check: pragma, help: 'A pragma for SQLite. The server sets what durability needs.' }),
  { name: 'dynamic-config-value', type: 'strings', value: 'KEY=JSON', check: jsonSetting, help: 'A limit by its key in Temporal\'s server, for example limit.blobSize.error=1000000. docs/reference/limits.md lists them.' },
  { name: 'search-attribute', type: 'strings', value: 'NAME=TYPE', check: searchAttribute, help: 'A search attribute to make if it is missing, in every namespace named here.' },
  { name: 'callback-address', type: 'strings', value: 'ADDRESS', help: 'Where completion callbacks may be sent, for example https://*.example.com or http://localhost:*. Default: to this machine, if the server listens only to it.' },
  without({ name: 'log-config', type: 'bool', help: 'Write the configuration to standard error.' }),
  without({ name: 'env', type: 'string', value: 'ENV', help: 'An environment of Temporal\'s tool.' }),
  without({ name: 'env-file', type: 'string', value: 'FILE', help: 'The file with those environments.' }),
  without({ name: 'config-file', type: 'string', value: 'FILE', help: 'The file with profiles of Temporal\'s tool.' }),
  without({ name: 'profile', type: 'string', value: 'NAME', help: 'A profile in that file.' }),
  without({ name: 'disable-config-file', type: 'bool', help: 'Read no such file.' }),
  without({ name: 'disable-config-env', type: 'bool', help: 'Read no such environment variables.' }),
  without({ name: 'output', short: 'o', type: 'string', value: 'FORMAT', choices: ['text', 'json', 'jsonl', 'none'], help: 'How results are printed.' }),
  without({ name: 'time-format', type: 'string', value: 'FORMAT', choices: ['relative', 'iso', 'raw'], help: 'How times are printed.' }),
  without({ name: 'color', type: 'string', value: 'WHEN', choices: ['always', 'never', 'auto'], help: 'Whether output has colours.' }),
  without({ name: 'no-json-shorthand-payloads', type: 'bool', help: 'Print payloads as they are.' }),
  without({ name: 'command-timeout', type: 'string', value: 'DURATION', help: 'How long a command may take.' }),
  without({ name: 'client-connect-timeout', type: 'string', value: 'DURATION', help: 'How long connecting may take.' }),
];
