/**
 * What priorities and fairness cost: `dispatch.js [COUNT]`, in this process, matching alone.
 *
 * COUNT tasks wait on one queue and are handed to polls one after the other; first in, first out, then with one fairness key, a thousand,
 * and a hundred thousand. Told is the CPU time of a task (offer and dispatch) and its ratio to the plain queue, the median of several rounds.
 * Prints one line of JSON.
 */
import { Matching, ReadyTask, type WaitingPoll } from '#perdure/matching/matching';
import { systemClock } from '#perdure/ports/index';

const count = Number(process.argv[2] ?? 100_000);
const ROUNDS = 7;
const queue = { namespace: 'n', name: 'q', type: 'activity' } as const;

class Task extends ReadyTask {
  override meet(poll: WaitingPoll): 'taken' {
    poll.resolve(this);
    return 'taken';
  }
  override abandoned(): void {}
}

const NEVER = { aborted: false, addEventListener: (): void => {}, removeEventListener: (): void => {} };

/** CPU microseconds of a task. @param keys 0: no key at all */
async function measure(keys: number): Promise<number> {
  const matching = new Matching({ clock: systemClock });
  const tasks = Array.from({ length: count }, (_, index) => new Task(queue, index, keys === 0 ? undefined : { level: 3, fairnessKey: `key-${index % keys}`, weight: 1 + (index % 3) }));
  const before = process.cpuUsage();
  for (const task of tasks) matching.offer(task);
  for (let poll = 0; poll < count; poll++) await matching.poll(queue, { identity: 'w', requestId: 'r', signal: NEVER, timeoutMs: 60_000 });
  const { user, system } = process.cpuUsage(before);
  matching.close();
  return (user + system) / count;
}

const cases = [0, 1, 1_000, 100_000];
const results = new Map<number, number[]>(cases.map((keys) => [keys, []]));
for (let round = 0; round <= ROUNDS; round++) {
  // The first round warms up.
  for (const keys of cases) {
    const cost = await measure(keys);
    if (round > 0) results.get(keys)?.push(cost);
  }
}
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const plain = median(results.get(0) ?? []);
const rows = cases.map((keys) => {
  const cpuMicroseconds = median(results.get(keys) ?? []);
  return { keys, cpuMicroseconds, ratio: cpuMicroseconds / plain };
});
console.log(JSON.stringify(rows));
