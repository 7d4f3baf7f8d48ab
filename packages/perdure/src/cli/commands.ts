/** Every command of the tool. What a command needs in order to run is loaded when it runs. */
import type { Command } from './spec.js';
import { exportFlags } from './export-flags.js';
import { codecServerFlags } from './codec-server-flags.js';
import { migrateFlags } from './migrate-flags.js';
import { replayFlags } from './replay-flags.js';
import { startDevFlags } from './start-dev-flags.js';

export const commands: readonly Command[] = [
  {
    path: ['server', 'start-dev'],
    summary: 'Run a server on this machine, with its data in one SQLite file.',
    description: 'It speaks Temporal\'s gRPC API: workers and clients of every Temporal SDK connect to it. Ctrl-C or SIGTERM stops it cleanly.',
    flags: startDevFlags,
    run: async (flags) => (await import('./start-dev.js')).startDev(flags),
  },
  {
    path: ['replay'],
    summary: 'Check workflow code against histories: does it still do what it did?',
    description: 'Runs the code without a server and reports where it goes another way. Exit codes: 0 all histories replay, 1 at least one does not, 2 not understood.',
    flags: replayFlags,
    run: async (flags) => (await import('./replay.js')).replay(flags),
  },
  {
    path: ['workflow', 'export'],
    summary: 'Write histories to files, for "perdure replay" and other replayers.',
    description: 'One file of JSON for each run that the query finds. Exit codes: 0 written, 1 failed or nothing found, 2 not understood.',
    flags: exportFlags,
    run: async (flags) => (await import('./export.js')).exportHistories(flags),
  },
  {
    path: ['migrate'],
    summary: 'Move a project from Temporal\'s TypeScript SDK to Perdure.',
    description: 'Rewrites the imports and package.json, and lists what must be done by hand. Changes files in place: commit your work first.',
    flags: migrateFlags,
    run: async (flags) => (await import('./migrate.js')).runMigrate(flags),
  },
  {
    path: ['codec-server'],
    summary: 'Decode payloads for consoles and tools, with the keys of this machine.',
    description: 'Speaks the codec protocol of Temporal\'s console and tools: POST /encode and /decode.',
    flags: codecServerFlags,
    run: async (flags) => (await import('./codec-server.js')).codecServer(flags),
  },
];
