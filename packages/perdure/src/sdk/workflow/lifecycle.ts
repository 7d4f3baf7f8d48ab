/**
 * The lines that say how a run goes: one when it begins and one when it ends, at level DEBUG, or WARN for a failure; and a warning of what
 * the end cut off.
 *
 * They are the worker's, though they are written from workflow code; like all lines they are silent while history is repeated.
 */
import type { RealmCommand } from './activation.js';
import { writeFor } from './log.js';
import { realmHost } from './realm-host.js';
import type { WorkflowRun } from './workflow-run.js';

const OF_WORKER = { sdkComponent: 'worker' };

const ENDS: { readonly [Kind in RealmCommand['kind']]?: string } = {
  complete: 'Workflow completed',
  cancel: 'Workflow completed as cancelled',
  'continue-as-new': 'Workflow continued as new',
};

export function logStarted(run: WorkflowRun): void {
  if (realmHost()?.logsDebug === true) writeFor(run, 'DEBUG', 'Workflow started', OF_WORKER);
}

/** @param error what the workflow failed with. */
export function logClosed(run: WorkflowRun, command: RealmCommand, error: unknown): void {
  if (command.kind === 'fail') return writeFor(run, 'WARN', 'Workflow failed', { ...OF_WORKER, error });
  const message = ENDS[command.kind];
  if (message !== undefined && realmHost()?.logsDebug === true) writeFor(run, 'DEBUG', message, OF_WORKER);
}

/** @param consequence what becomes of them. */
export function warnOfUnfinished(run: WorkflowRun, what: string, names: readonly string[], consequence: string): void {
  if (names.length === 0) return;
  const message =
    `The workflow ended while handlers of ${what} were still running (${names.join(', ')}); ${consequence}. ` +
    "Wait for them with `await condition(allHandlersFinished)`, or set them with unfinishedPolicy 'ABANDON' if that is meant.";
  writeFor(run, 'WARN', message);
}
