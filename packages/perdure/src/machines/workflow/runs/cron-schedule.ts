/**
 * Cron schedules of runs: when the first run begins, and which run follows one that has ended.
 *
 * The times of a schedule are counted from the time at which the run was to begin, not from its end: a run that takes longer than the
 * period skips what it missed. A moment that is due at the end is now. Cancelled and terminated runs end the schedule.
 */
import { ContinueAsNewInitiator, WorkflowExecutionStartedEventAttributes } from '../../../protocol/index.js';
import type { Encoded, Failure, Payloads } from '../../../protocol/index.js';
import { CronError, nextCronTime, parseCron } from '../../calendar/cron.js';
import type { CronSchedule } from '../../calendar/cron.js';
import type { Draft } from '../draft.js';
import { succeed } from './next-run.js';
import { inheritanceAttributes } from './versioning.js';

/** What is wrong with a cron string, in words for its author. The empty string is none. */
export function cronProblem(cronSchedule: string): string | undefined {
  if (cronSchedule === '') return undefined;
  try {
    const parsed = parseCron(cronSchedule);
    return nextCronTime(parsed, 0, 0) === undefined ? 'invalid CronSchedule, no time can be found to satisfy the schedule' : undefined;
  } catch (error) {
    if (error instanceof CronError) return `invalid CronSchedule: ${error.message}`;
    throw error;
  }
}

/** How long the first run waits, in milliseconds; 0 without a schedule. */
export function firstCronDelay(cronSchedule: string, now: number): number {
  if (cronSchedule === '') return 0;
  return (nextCronTime(parsed(cronSchedule), now, now) ?? now) - now;
}

/** What the next run is told about this one. */
export interface CronEnd {
  readonly result?: Encoded<Payloads> | undefined;
  readonly failure?: Encoded<Failure> | undefined;
}

/** Arranges the next run of a cron schedule. Returns its run id; empty if none follows. */
export function cronRun(draft: Draft, { result, failure }: CronEnd): string {
  const { run } = draft.state;
  if (run.cronSchedule === '') return '';
  if (run.executionExpiresAtMs > 0 && run.executionExpiresAtMs <= draft.now) return '';
  const next = nextCronTime(parsed(run.cronSchedule), run.executionTimeMs, draft.now);
  if (next === undefined) return '';
  const started = WorkflowExecutionStartedEventAttributes.decode(run.startedAttributes);
  return succeed(draft, {
    ...started,
    // Each run of a schedule begins with the version that is current then.
    ...inheritanceAttributes(undefined),
    attempt: 1,
    initiator: ContinueAsNewInitiator.CRON_SCHEDULE,
    continuedFailure: failure,
    // The result of the last run that had one: failures in between do not take it away.
    lastCompletionResult: failure === undefined ? result : started.lastCompletionResult,
    firstWorkflowTaskBackoff: Math.max(0, next - draft.now),
  });
}

/** Parsing is quick next to a commit, yet every start of a busy schedule does it. */
const RECENT = new Map<string, CronSchedule>();
const MOST_RECENT = 100;

function parsed(cronSchedule: string): CronSchedule {
  const known = RECENT.get(cronSchedule);
  if (known !== undefined) return known;
  const schedule = parseCron(cronSchedule);
  if (RECENT.size >= MOST_RECENT) RECENT.clear();
  RECENT.set(cronSchedule, schedule);
  return schedule;
}
