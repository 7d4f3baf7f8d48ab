/** Interceptors that carry a trace through headers and note each call, and workflows that make all kinds of calls. */
import { defaultPayloadConverter } from 'perdure/common';
import {
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  executeChild,
  getExternalWorkflowHandle,
  makeContinueAsNewFunc,
  proxyActivities,
  proxyLocalActivities,
  proxySinks,
  setHandler,
  sleep,
  startChild,
  workflowInfo,
  type Headers,
  type Next,
  type Sinks,
  type WorkflowInboundCallsInterceptor,
  type WorkflowInterceptorsFactory,
  type WorkflowOutboundCallsInterceptor,
} from 'perdure/workflow';
import type { Activities } from './activities.js';

interface Probes extends Sinks {
  probe: { note(workflowId: string, text: string): void; noteAlways(workflowId: string, text: string): void };
}

const { greet } = proxyActivities<Activities>({ startToCloseTimeout: '10 seconds' });
const { greet: greetHere } = proxyLocalActivities<Activities>({ startToCloseTimeout: '10 seconds' });

/** Of this run: each run has its own copy of the module. */
let trace = 'none';
const seen: string[] = [];

function traceOf(headers: Headers): string {
  return headers['trace'] === undefined ? 'none' : defaultPayloadConverter.fromPayload<string>(headers['trace']);
}

class Inbound implements WorkflowInboundCallsInterceptor {
  constructor(readonly name: string) {}

  async execute(input: Parameters<NonNullable<WorkflowInboundCallsInterceptor['execute']>>[0], next: Next<WorkflowInboundCallsInterceptor, 'execute'>) {
    trace = traceOf(input.headers);
    seen.push(`${this.name} execute ${trace}`);
    return next(input);
  }

  async handleSignal(input: Parameters<NonNullable<WorkflowInboundCallsInterceptor['handleSignal']>>[0], next: Next<WorkflowInboundCallsInterceptor, 'handleSignal'>) {
    seen.push(`${this.name} signal ${input.signalName} ${traceOf(input.headers)}`);
    return next({ ...input, args: input.args.map((arg) => `${String(arg)}!`) });
  }

  async handleQuery(input: Parameters<NonNullable<WorkflowInboundCallsInterceptor['handleQuery']>>[0], next: Next<WorkflowInboundCallsInterceptor, 'handleQuery'>) {
    return [this.name, traceOf(input.headers), await next(input)];
  }

  validateUpdate(input: Parameters<NonNullable<WorkflowInboundCallsInterceptor['validateUpdate']>>[0], next: Next<WorkflowInboundCallsInterceptor, 'validateUpdate'>) {
    if (input.args[0] === 'forbidden') throw new Error(`${this.name} forbids it`);
    next(input);
  }

  async handleUpdate(input: Parameters<NonNullable<WorkflowInboundCallsInterceptor['handleUpdate']>>[0], next: Next<WorkflowInboundCallsInterceptor, 'handleUpdate'>) {
    seen.push(`${this.name} update ${input.name} ${traceOf(input.headers)}`);
    return [this.name, await next(input)];
  }
}

const traced = (headers: Headers): Headers => ({ ...headers, trace: defaultPayloadConverter.toPayload(trace) });

class Outbound implements WorkflowOutboundCallsInterceptor {
  startTimer(input: Parameters<NonNullable<WorkflowOutboundCallsInterceptor['startTimer']>>[0], next: Next<WorkflowOutboundCallsInterceptor, 'startTimer'>) {
    seen.push(`timer ${input.durationMs}`);
    return next({ ...input, durationMs: input.durationMs + 1 });
  }

  async scheduleActivity(input: Parameters<NonNullable<WorkflowOutboundCallsInterceptor['scheduleActivity']>>[0], next: Next<WorkflowOutboundCallsInterceptor, 'scheduleActivity'>) {
    seen.push(`activity ${input.activityType}`);
    return next({ ...input, headers: traced(input.headers), options: { ...input.options, heartbeatTimeout: '7 seconds' } });
  }

  async scheduleLocalActivity(
    input: Parameters<NonNullable<WorkflowOutboundCallsInterceptor['scheduleLocalActivity']>>[0],
    next: Next<WorkflowOutboundCallsInterceptor, 'scheduleLocalActivity'>,
  ) {
    return next({ ...input, headers: traced(input.headers) });
  }

  async startChildWorkflowExecution(
    input: Parameters<NonNullable<WorkflowOutboundCallsInterceptor['startChildWorkflowExecution']>>[0],
    next: Next<WorkflowOutboundCallsInterceptor, 'startChildWorkflowExecution'>,
  ) {
    return next({ ...input, headers: traced(input.headers) });
  }

  async signalWorkflow(input: Parameters<NonNullable<WorkflowOutboundCallsInterceptor['signalWorkflow']>>[0], next: Next<WorkflowOutboundCallsInterceptor, 'signalWorkflow'>) {
    return next({ ...input, headers: traced(input.headers) });
  }

  async continueAsNew(input: Parameters<NonNullable<WorkflowOutboundCallsInterceptor['continueAsNew']>>[0], next: Next<WorkflowOutboundCallsInterceptor, 'continueAsNew'>) {
    return next({ ...input, headers: traced(input.headers) });
  }
}

export const interceptors: WorkflowInterceptorsFactory = () => ({ inbound: [new Inbound('outer'), new Inbound('inner')], outbound: [new Outbound()] });

export const poke = defineSignal<[string]>('poke');
export const finish = defineSignal('finish');
export const state = defineQuery<string>('state');
export const change = defineUpdate<string, [string]>('change');

/** Tells what its interceptors saw. */
export async function child(): Promise<string[]> {
  return seen;
}

export async function waiting(): Promise<string[]> {
  let finished = false;
  setHandler(poke, () => undefined);
  setHandler(finish, () => void (finished = true));
  await condition(() => finished);
  return seen;
}

export async function outgoing(childId: string, otherId: string): Promise<unknown> {
  const greeting = await greet('Ada');
  const local = await greetHere('Bob');
  await sleep(5);
  const fromChild = await executeChild(child, { workflowId: childId });
  const other = await startChild(waiting, { workflowId: otherId });
  await other.signal(poke, 'near');
  await getExternalWorkflowHandle(otherId).signal(poke, 'far');
  await other.signal(finish);
  return { greeting, local, fromChild, fromOther: await other.result(), seen };
}

export async function incoming(): Promise<unknown> {
  const texts: string[] = [];
  let finished = false;
  setHandler(poke, (text) => void texts.push(text));
  setHandler(finish, () => void (finished = true));
  setHandler(state, () => texts.join());
  setHandler(change, async (text) => text.toUpperCase(), { validator: () => undefined });
  await condition(() => finished);
  return { texts, seen };
}

export async function chained(again: boolean): Promise<string[]> {
  if (again) await makeContinueAsNewFunc<typeof chained>({ workflowType: 'chained' })(false);
  return seen;
}

export async function sinking(): Promise<void> {
  const { probe } = proxySinks<Probes>();
  const { workflowId } = workflowInfo();
  const list = ['begun'];
  probe.note(workflowId, list.join());
  probe.noteAlways(workflowId, 'always');
  await sleep(5);
  probe.note(workflowId, 'slept');
  await greet('Ada');
  probe.note(workflowId, 'greeted');
}
