/** Signalling and cancelling other executions of the namespace. */
import { checkArgumentsNow } from '../common/checks.js';
import { typeInfoOf, type SignalDefinition, type SignalTypeInfo, type WorkflowSignalOptions } from '../common/definitions.js';
import { composeInterceptors } from '../common/interceptors.js';
import { argsToPayloads } from '../common/type-info.js';
import type { ExternalTarget } from './activation.js';
import { CancellationScope } from './cancellation-scope.js';
import { currentRun } from './current-run.js';
import { fieldsFromHeaders, type SignalWorkflowInput } from './interceptors.js';
import { callSite, type WorkflowRun } from './workflow-run.js';

export interface ExternalWorkflowHandle {
  readonly workflowId: string;
  readonly runId?: string;
  /** Resolves when the other execution has the signal. @throws if there is no such execution. */
  signal<Args extends unknown[] = []>(definition: SignalDefinition<Args, string> | string, ...args: Args): Promise<void>;
  /** Sends a signal by name, with hints of types; a definition has its own. @throws what `signal` throws */
  signalWithOptions<Args extends unknown[] = []>(signalName: string, options: WorkflowSignalOptions<Args>): Promise<void>;
  /** Resolves when the other execution has the request. @throws if there is no such execution. */
  cancel(): Promise<void>;
}

/** A handle of an execution by id; without `runId`, of its current run. Nothing is checked until it is used. */
export function getExternalWorkflowHandle(workflowId: string, runId?: string): ExternalWorkflowHandle {
  const target: ExternalTarget = { kind: 'execution', workflowId, runId };
  return {
    workflowId,
    ...(runId === undefined ? {} : { runId }),
    signal: (definition, ...args) => signalTarget(target, definition, args),
    signalWithOptions: (name, { args = [], typeInfo }) => signalTarget(target, name, args, typeInfo),
    cancel: () => cancelTarget(target),
  };
}

export function signalTarget(
  target: ExternalTarget,
  definition: { readonly name: string; readonly typeInfo?: SignalTypeInfo } | string,
  args: readonly unknown[],
  ofCall?: SignalTypeInfo,
): Promise<void> {
  const run = currentRun('signal');
  run.assertMayAct('signal-external');
  checkArgumentsNow(definition, args);
  const typeInfo = typeInfoOf(definition, ofCall);
  const input: SignalWorkflowInput = {
    seq: run.nextSeq.signal++,
    signalName: typeof definition === 'string' ? definition : definition.name,
    args: [...args],
    ...(typeInfo && { typeInfo }),
    headers: {},
    target: target.kind === 'child' ? { type: 'child', childWorkflowId: target.workflowId } : { type: 'external', workflowExecution: executionOf(target) },
  };
  return composeInterceptors(run.interceptors.outbound, 'signalWorkflow', (changed) => pushSignal(run, changed))(input);
}

function executionOf({ workflowId, runId }: Extract<ExternalTarget, { kind: 'execution' }>): { workflowId: string; runId?: string } {
  return { workflowId, ...(runId === undefined ? {} : { runId }) };
}

function targetOf({ target }: SignalWorkflowInput): ExternalTarget {
  if (target.type === 'child') return { kind: 'child', workflowId: target.childWorkflowId };
  const { workflowId, runId } = target.workflowExecution;
  return { kind: 'execution', workflowId, runId };
}

function pushSignal(run: WorkflowRun, input: SignalWorkflowInput): Promise<void> {
  const { seq, signalName, args, typeInfo, headers } = input;
  const scope = CancellationScope.current();
  return new Promise<void>((resolve, reject) => {
    if (scope.consideredCancelled) {
      scope.cancelRequested.catch(reject);
      return;
    }
    const site = callSite(signalTarget);
    const target = targetOf(input);
    const of = run.conversions.ofWorkflow(target.workflowId);
    run.push({
      kind: 'signal-external',
      seq,
      site,
      target,
      signalName,
      input: argsToPayloads(of.payloads, args, typeInfo?.inputTypes),
      headers: fieldsFromHeaders(headers),
    });
    const takeBack = (): void => {
      if (run.externalSignals.has(seq)) run.push({ kind: 'cancel-signal', seq });
    };
    run.externalSignals.set(seq, scope.whileWaiting({ resolve: () => resolve(), reject, site, of }, takeBack));
  });
}

function cancelTarget(target: ExternalTarget): Promise<void> {
  const run = currentRun('cancel');
  run.assertMayAct('cancel-external');
  const seq = run.nextSeq.cancel++;
  return new Promise<void>((resolve, reject) => {
    const site = callSite(cancelTarget);
    run.push({ kind: 'cancel-external', seq, site, target, reason: 'Cancelled by another workflow' });
    run.externalCancels.set(seq, { resolve: () => resolve(), reject, site, of: run.conversions.ofWorkflow(target.workflowId) });
  });
}
