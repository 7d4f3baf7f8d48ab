/** The flags of `workflow export`. */
import type { Flag } from './spec.js';

export const exportFlags: readonly Flag[] = [
  { name: 'query', short: 'q', type: 'string', value: 'QUERY', help: 'Which executions, in the list query language.', default: 'all' },
  { name: 'workflow-id', short: 'w', type: 'string', value: 'ID', help: 'One execution instead of a query.' },
  { name: 'run-id', short: 'r', type: 'string', value: 'ID', help: 'A certain run, with --workflow-id.', default: 'the latest' },
  { name: 'output-dir', type: 'string', value: 'FOLDER', help: 'Where the files go, one for each run. It is made if it is missing.', default: 'histories' },
  { name: 'limit', type: 'int', value: 'COUNT', help: 'Histories, at most.' },
  { name: 'address', type: 'string', value: 'HOST:PORT', help: 'The server.', default: 'localhost:7233' },
  { name: 'namespace', short: 'n', type: 'string', value: 'NAME', help: 'The namespace of the workflows.', default: 'default' },
];
