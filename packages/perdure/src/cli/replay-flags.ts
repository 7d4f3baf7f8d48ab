/** The flags of `replay`. */
import type { Flag } from './spec.js';

export const replayFlags: readonly Flag[] = [
  { name: 'workflows-path', type: 'string', value: 'FILE', help: 'The file that exports the workflows; TypeScript or JavaScript.' },
  { name: 'history', type: 'strings', value: 'FILE', help: 'A history as JSON (of any tool of the field) or protobuf, or a folder of them. Repeatable.' },
  { name: 'workflow-id', short: 'w', type: 'strings', value: 'ID', help: 'Fetch the history of the latest run of this workflow from the server. Repeatable.' },
  { name: 'address', type: 'string', value: 'HOST:PORT', help: 'The server, for --workflow-id.', default: 'localhost:7233' },
  { name: 'namespace', short: 'n', type: 'string', value: 'NAME', help: 'The namespace of the workflows.', default: 'default' },
  { name: 'until', type: 'int', value: 'EVENT_ID', help: 'Look at the history up to this event only.' },
  { name: 'output', short: 'o', type: 'string', value: 'FORMAT', help: 'How to report.', default: 'text', choices: ['text', 'json'] },
];
