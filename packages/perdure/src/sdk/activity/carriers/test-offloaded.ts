/** Activities for the tests of threads and processes. */
import { ApplicationFailure } from '../../common/index.js';
import { Context } from '../context.js';
import { isMainThread } from 'node:worker_threads';
import { processes, threads } from './offload.js';

/** Keeps a processor busy, without a pause. */
function compute(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

export const whereThread = threads(function where(value: { readonly bytes: Uint8Array; readonly at: Date }) {
  return { value, pid: process.pid, isMainThread };
});

export const whereProcess = processes(function where(value: { readonly bytes: Uint8Array; readonly at: Date }) {
  return { value, pid: process.pid, isMainThread };
});

const declareBoth = <F extends (...args: never[]) => unknown>(fn: F) => [threads(fn, { module: import.meta.url, cancellationGrace: '100 ms' }), processes(fn, { module: import.meta.url, cancellationGrace: '100 ms' })] as const;

export const info = declareBoth(() => {
  const context = Context.current();
  context.heartbeat({ row: 5 });
  context.log.info('hello', { row: 5 });
  return context.info.activityId;
});

export const fail = declareBoth((kind: 'application' | 'other' | 'uncopiable'): unknown => {
  if (kind === 'uncopiable') return () => 1;
  if (kind === 'other') throw new RangeError('out of range');
  throw ApplicationFailure.create({ message: 'no', type: 'Refused', nonRetryable: true, details: [7], nextRetryDelay: '1 minute', cause: new Error('because') });
});

/** Never looks up. */
export const endless = declareBoth(() => {
  Context.current().heartbeat(process.pid);
  for (;;) compute(50);
});

/** Stops when it is told to, and cleans up. */
export const polite = declareBoth(async () => {
  Context.current().heartbeat('running');
  try {
    await Context.current().sleep('1 hour');
  } finally {
    Context.current().heartbeat('cleaned up');
  }
});

export const die = declareBoth((how: 'exit' | 'throw later') => {
  if (how === 'exit') process.exit(3);
  setTimeout(() => {
    throw new Error('loose end');
  });
  return new Promise<never>(() => {});
});

export const slow = declareBoth((id: number) => {
  compute(20);
  return id;
});
