/** Every command of the tool. What a command needs in order to run is loaded when it runs. */
import type { Command } from './spec.js';
import { startDevFlags } from './start-dev-flags.js';

export const commands: readonly Command[] = [
  {
    path: ['server', 'start-dev'],
    summary: 'Run a server on this machine, with its data in one SQLite file.',
    description: 'It speaks Temporal\'s gRPC API: workers and clients of every Temporal SDK connect to it. Ctrl-C or SIGTERM stops it cleanly.',
    flags: startDevFlags,
    run: async (flags) => (await import('./start-dev.js')).startDev(flags),
  },
];
