/** The flags of `replay`. */
import type { Flag } from './spec.js';

export const replayFlags: readonly Flag[] = [
  { name: 'workflows-path', type: 'string', value: 'FILE', help: 'The file that exports the workflows; TypeScript or JavaScript.' },
  { name: 'history', type: 'strings', value: 'FILE', help: 'A history as JSON (of any tool of the field) or protobuf, or a folder of them. Repeatable.' },
  { name: 'workflow-id', short: 'w', type: 'strings', value: 'ID', help: 'Fetch the history of the latest run of this workflow from the server. Repeatable.' },
  { name: 'query', short: 'q', type: 'string', value: 'QUERY', help: 'Fetch the histories of all runs that the query finds, for example "WorkflowType = \'order\'".' },
  { name: 'address', type: 'string', value: 'HOST:PORT', help: 'The server, for --workflow-id and --query.', default: 'localhost:7233' },
  { name: 'namespace', short: 'n', type: 'string', value: 'NAME', help: 'The namespace of the workflows.', default: 'default' },
  { name: 'data-converter', type: 'string', value: 'FILE', help: 'A module that exports `dataConverter`, the one of the workers: codecs, converters, external storage.' },
  { name: 'until', type: 'int', value: 'EVENT_ID', help: 'Look at the history up to this event only.' },
  { name: 'inspect', type: 'bool', help: 'Wait for a debugger, and stop before each history: set breakpoints in the workflow files, then go on.' },
  { name: 'inspect-port', type: 'int', value: 'PORT', help: 'The port for the debugger, on this machine only. 0 picks a free one.', default: '9229' },
  { name: 'output', short: 'o', type: 'string', value: 'FORMAT', help: 'How to report.', default: 'text', choices: ['text', 'json'] },
];
