/**
 * What a test says of an execution: matchers in the form that `expect.extend` of vitest and others takes, and the same as assertions.
 *
 * They read the history, so they see what happened and not what code reports. Values are decoded by the default converter.
 */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { EventType, Failure, Payloads, type Encoded, type HistoryEvent } from '../protocol/index.js';
import { defaultPayloadConverter } from '../sdk/common/index.js';
import { printHistory } from './history-text.js';

/** A handle of an execution, or its history. */
export type Execution = { fetchHistory(): Promise<{ readonly events: readonly HistoryEvent[] }> } | { readonly events: readonly HistoryEvent[] };
type Named = string | { readonly name: string };

export interface MatcherResult {
  readonly pass: boolean;
  message(): string;
}

/**
 * For `expect.extend` of vitest or Jest.
 *
 * @example
 * expect.extend(workflowMatchers);
 * await expect(handle).toHaveCompleted('receipt-1');
 * await expect(handle).toHaveCalledActivity('charge', 'o-1', 10);
 */
export const workflowMatchers = {
  /** Completed; with this result, if one is given. */
  async toHaveCompleted(execution: Execution, ...expected: readonly [result?: unknown]): Promise<MatcherResult> {
    const events = await eventsOf(execution);
    const last = events.at(-1);
    const completed = last?.workflowExecutionCompletedEventAttributes;
    const [result] = valuesOf(completed?.result);
    const pass = completed !== undefined && (expected.length === 0 || isDeepStrictEqual(result, expected[0]));
    return matched(pass, events, `completed${expected.length === 0 ? '' : ` with ${text(expected[0])}`}`);
  },

  /** Failed, with a message somewhere in its chain of causes that contains or matches this. */
  async toHaveFailed(execution: Execution, message?: string | RegExp): Promise<MatcherResult> {
    const events = await eventsOf(execution);
    const failed = events.at(-1)?.workflowExecutionFailedEventAttributes;
    const messages = failed?.failure === undefined ? [] : messagesOf(Failure.decode(failed.failure));
    const fits = (text: string): boolean => (typeof message === 'string' ? text.includes(message) : (message?.test(text) ?? true));
    return matched(failed !== undefined && (message === undefined || messages.some(fits)), events, `failed${message === undefined ? '' : ` with ${String(message)}`}`);
  },

  /** Scheduled this activity at least once; with these arguments, if any are given. */
  async toHaveCalledActivity(execution: Execution, activity: Named, ...args: readonly unknown[]): Promise<MatcherResult> {
    const events = await eventsOf(execution);
    const calls = events.flatMap(({ activityTaskScheduledEventAttributes: scheduled }) => (scheduled === undefined ? [] : [{ name: scheduled.activityType?.name, input: scheduled.input }]));
    return matched(calls.some((call) => isCall(call, activity, args)), events, `called activity ${nameOf(activity)}${args.length === 0 ? '' : `(${args.map(text).join(', ')})`}`);
  },

  /** Started this child workflow at least once; with these arguments, if any are given. */
  async toHaveStartedChildWorkflow(execution: Execution, workflow: Named, ...args: readonly unknown[]): Promise<MatcherResult> {
    const events = await eventsOf(execution);
    const calls = events.flatMap(({ startChildWorkflowExecutionInitiatedEventAttributes: started }) => (started === undefined ? [] : [{ name: started.workflowType?.name, input: started.input }]));
    return matched(calls.some((call) => isCall(call, workflow, args)), events, `started child workflow ${nameOf(workflow)}${args.length === 0 ? '' : `(${args.map(text).join(', ')})`}`);
  },

  /** Was told of this signal at least once. */
  async toHaveReceivedSignal(execution: Execution, signal: Named): Promise<MatcherResult> {
    const events = await eventsOf(execution);
    const pass = events.some(({ eventType, workflowExecutionSignaledEventAttributes: signaled }) => eventType === EventType.WORKFLOW_EXECUTION_SIGNALED && signaled?.signalName === nameOf(signal));
    return matched(pass, events, `received signal ${nameOf(signal)}`);
  },
};

type Matchers = typeof workflowMatchers;

/**
 * The matchers as a test runner's `expect` has them.
 *
 * @example declare module 'vitest' { interface Matchers<T> extends WorkflowMatchers {} }
 */
export type WorkflowMatchers<Result = Promise<void>> = {
  [Name in keyof Matchers]: Matchers[Name] extends (execution: Execution, ...args: infer Args) => unknown ? (...args: Args) => Result : never;
};
type Assertions = Readonly<WorkflowMatchers>;

/**
 * The matchers as assertions, for `node:test` and wherever there is no `expect`.
 *
 * @example await assertWorkflow(handle).toHaveCompleted('receipt-1'); // throws AssertionError with the history
 */
export function assertWorkflow(execution: Execution): Assertions & { readonly not: Assertions } {
  return { ...assertionsOf(execution, true), not: assertionsOf(execution, false) };
}

function assertionsOf(execution: Execution, wanted: boolean): Assertions {
  const assertion = (match: (execution: Execution, ...args: never[]) => Promise<MatcherResult>) => async (...args: readonly unknown[]) => {
    const result = await (Reflect.apply(match, undefined, [execution, ...args]) as Promise<MatcherResult>);
    if (result.pass !== wanted) assert.fail(result.message());
  };
  return Object.fromEntries(Object.entries(workflowMatchers).map(([name, match]) => [name, assertion(match)])) as unknown as Assertions;
}

async function eventsOf(execution: Execution): Promise<readonly HistoryEvent[]> {
  return ('events' in execution ? execution : await execution.fetchHistory()).events;
}

function matched(pass: boolean, events: readonly HistoryEvent[], what: string): MatcherResult {
  return { pass, message: () => `The workflow ${pass ? 'should not have' : 'should have'} ${what}. Its history:\n${printHistory({ events })}` };
}

const nameOf = (named: Named): string => (typeof named === 'string' ? named : named.name);
const text = (value: unknown): string => JSON.stringify(value) ?? 'undefined';

function isCall(call: { readonly name: string | undefined; readonly input: Encoded<Payloads> | undefined }, named: Named, args: readonly unknown[]): boolean {
  return call.name === nameOf(named) && (args.length === 0 || isDeepStrictEqual(valuesOf(call.input), [...args]));
}

function valuesOf(bytes: Encoded<Payloads> | undefined): unknown[] {
  return bytes === undefined ? [] : Payloads.decode(bytes).payloads.map((payload) => defaultPayloadConverter.fromPayload<unknown>(payload));
}

function messagesOf({ message, cause }: Failure): string[] {
  return [message, ...(cause === undefined ? [] : messagesOf(cause))];
}
