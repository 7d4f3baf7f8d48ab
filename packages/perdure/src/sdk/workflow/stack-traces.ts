/** Where a run waits, for people: the answer to the query `__stack_trace`. */
import type { CallSite } from './activation.js';
import type { WorkflowRun } from './workflow-run.js';

export function stackTraces(run: WorkflowRun): string {
  const sites: CallSite[] = [];
  for (const waiting of [run.activities, run.timers, run.children, run.externalSignals, run.externalCancels]) {
    for (const { site } of waiting.values()) if (site !== undefined) sites.push(site);
  }
  for (const { site } of run.conditions) sites.push(site);
  return sites.map(framesOf).filter((frames) => frames !== '').join('\n\n');
}

/** The frames of a call site, without the line that names the error. */
export function framesOf(site: CallSite): string {
  const lines = (site.stack ?? '').split('\n');
  return lines.filter((line) => /^\s+at /.test(line)).join('\n');
}
