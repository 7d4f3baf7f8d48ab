/** Where a run waits, for people: the answers to the queries `__stack_trace` and `__enhanced_stack_trace`. */
import type { CallSite } from './activation.js';
import type { WorkflowRun } from './workflow-run.js';

/** A place in a source file. The names are those on the wire. */
export interface StackTraceFileLocation {
  readonly file_path?: string;
  readonly line?: number;
  readonly column?: number;
  readonly function_name?: string;
  /** Part of an SDK, not of the user's code. */
  readonly internal_code: boolean;
}

export interface StackTrace {
  readonly locations: StackTraceFileLocation[];
}

export interface StackTraceSDKInfo {
  readonly name: string;
  readonly version: string;
}

/** Part of a source file, from line `line_offset` on. */
export interface StackTraceFileSlice {
  readonly line_offset: number;
  readonly content: string;
}

/** The places where a run waits, as data. */
export interface EnhancedStackTrace {
  readonly sdk: StackTraceSDKInfo;
  /** Texts of source files by path. Left empty: the bundle does not carry them. */
  readonly sources: Readonly<Record<string, StackTraceFileSlice[]>>;
  readonly stacks: StackTrace[];
}

export function stackTraces(run: WorkflowRun): string {
  return waitingSites(run).map(framesOf).filter((frames) => frames !== '').join('\n\n');
}

export function enhancedStackTrace(run: WorkflowRun): EnhancedStackTrace {
  const stacks = waitingSites(run).map((site) => ({ locations: linesOf(site).map(locationOf) }));
  return { sdk: { name: 'perdure', version: '0.1.0' }, sources: {}, stacks: stacks.filter(({ locations }) => locations.length > 0) };
}

/** The frames of a call site, without the line that names the error. */
export function framesOf(site: CallSite): string {
  return linesOf(site).join('\n');
}

function waitingSites(run: WorkflowRun): CallSite[] {
  const sites: CallSite[] = [];
  for (const waiting of [run.activities, run.timers, run.children, run.nexusOperations, run.externalSignals, run.externalCancels]) {
    for (const { site } of waiting.values()) if (site !== undefined) sites.push(site);
  }
  for (const { site } of run.conditions) sites.push(site);
  return sites;
}

function linesOf(site: CallSite): string[] {
  return (site.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
}

/** Of a line such as `at charge (src/orders.ts:7:3)` or `at src/orders.ts:7:3`. */
function locationOf(line: string): StackTraceFileLocation {
  const text = line.trim().slice('at '.length);
  const [, name, file, row, column] = /^(?:(.*) \()?(.*?):(\d+):(\d+)\)?$/.exec(text) ?? [];
  if (file === undefined) return { function_name: text, internal_code: false };
  return { file_path: file, line: Number(row), column: Number(column), ...(name !== undefined && { function_name: name }), internal_code: false };
}
