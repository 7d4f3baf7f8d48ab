/** Workflows for the test of threads and processes with a real worker. */
import { proxyActivities } from 'perdure/workflow';

interface Activities {
  endlessThread(): Promise<void>;
  endlessProcess(): Promise<void>;
  slow(id: number): Promise<number>;
}

const { endlessThread, endlessProcess } = proxyActivities<Activities>({ startToCloseTimeout: '400 ms', retry: { maximumAttempts: 1 } });
const { slow } = proxyActivities<Activities>({ startToCloseTimeout: '30 s', retry: { maximumAttempts: 1 } });
const patient = proxyActivities<Activities>({ startToCloseTimeout: '1 minute', retry: { maximumAttempts: 1 } });

/** So many that never end, all at once; then one that does. */
export async function outlast(kind: 'thread' | 'process', count: number): Promise<{ readonly ended: string[]; readonly next: number }> {
  const endless = kind === 'thread' ? endlessThread : endlessProcess;
  const results = await Promise.allSettled(Array.from({ length: count }, () => endless()));
  const ended = results.map((result) => (result.status === 'rejected' ? String((result.reason as Error).cause) : 'returned'));
  return { ended, next: await slow(7) };
}

export async function forever(): Promise<void> {
  await patient.endlessThread();
}
