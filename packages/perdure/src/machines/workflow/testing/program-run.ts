/**
 * Takes the steps of a program (`program.ts`) against a `TestWorkflow`, which proves the invariants after each transition; what
 * concerns whole histories is proved at the end. Nothing here is left to chance: the same program does the same. For tests only.
 */
import assert from 'node:assert/strict';
import { Callback, Code, RequestCancelWorkflowExecutionRequest, ResetReapplyExcludeType, RpcError, SignalWorkflowExecutionRequest, WorkflowExecutionStatus } from '../../../protocol/index.js';
import type { HostInput } from '../../machine.js';
import type { ActivityTaskReply, WorkflowInput, WorkflowReply, WorkflowTaskReply } from '../inputs.js';
import { HANDLER_REPLIES, OUTCOMES, completionOfOperation } from './nexus.js';
import { Promises, SAME } from './promises.js';
import { closed, moved, owedKeys, parent, started } from './family.js';
import { proveHistory, waitedFor } from './history.js';
import type { Program, Step } from './program.js';
import { CHILD_ENDS, completionOf, inputOf, numberOf, pick, senderOf, signalInput, taskFailure, typesUntil } from './program-inputs.js';
import { resetInput, resetPointsOf } from './reset.js';
import { TestWorkflow, byToken, failure, payloads } from './test-run.js';
import type { TestRun } from './test-run.js';
import { updateInput } from './updates.js';
import { overrideOf, pollerOf, proveVersions } from './versions.js';

/** Small, so that short programs reach them. */
const LIMITS = { bufferedEvents: 6, signalsPerRun: 30, pendingActivities: 6, pendingChildren: 4, pendingNexusOperations: 4, updatesInFlight: 3, continueAsNewMinimumRunMs: 10, workflowTaskHeartbeatMs: 3000 };
const RECENT = 12;

type Of<Name extends Step['do']> = Extract<Step, { do: Name }>;
interface Held<Task> {
  readonly run: TestRun;
  readonly task: Task;
}

/** Runs a program. @throws what was broken */
export function runProgram(program: Program): ProgramRun {
  const run = new ProgramRun();
  for (const step of program) run.take(step);
  run.prove();
  return run;
}

export class ProgramRun {
  readonly workflow = new TestWorkflow(LIMITS);
  /** Every run that there ever was, those that are deleted included. */
  readonly runs: TestRun[] = [];
  /** Tasks that workers hold, those that they have lost without knowing it included. */
  readonly #workflowTasks: Held<WorkflowTaskReply>[] = [];
  readonly #activityTasks: Held<ActivityTaskReply>[] = [];
  readonly #answered: string[] = [];
  readonly #recent: { readonly run: TestRun; readonly input: WorkflowInput | HostInput }[] = [];
  readonly #promises = new Promises();
  /** Deleted, and not yet removed: they only owe. */
  readonly #deleted = new Set<TestRun>();
  #numbers = 0;

  take(step: Step): void {
    switch (step.do) {
      case 'start':
        return this.#start(step);
      case 'repeat': {
        const { run, input } = pick(this.#recent, step.which) ?? {};
        if (run !== undefined && input !== undefined && !this.#deleted.has(run)) this.#send(input, run);
        return;
      }
      case 'forget':
        return this.#forget();
      case 'crash':
        return this.#crash(step);
      case 'answer':
        return this.#answer(step);
      case 'wait':
        this.workflow.now += step.ms ?? 0;
        return this.#wake();
      case 'wake':
        this.workflow.now = Math.max(this.workflow.now, this.#nextWake() ?? 0);
        return this.#wake();
      case 'complete-task': {
        const held = this.#held(this.#workflowTasks, step.task);
        if (held) this.#send(completionOf(step, held.task, held.run, this.workflow), held.run);
        return;
      }
      case 'fail-task': {
        const held = this.#held(this.#workflowTasks, step.task);
        if (held) this.#send(taskFailure(held.task), held.run);
        return;
      }
      case 'end-activity':
        return this.#endActivity(step);
      case 'reset':
        return this.#reset(step);
      case 'delete':
        return this.#delete(step);
      default: {
        const run = this.#run('run' in step ? step.run : 0);
        if (run !== undefined) this.#ofRun(step, run);
      }
    }
  }

  /** What concerns whole runs, at the end. */
  prove(): void {
    for (const run of this.runs) proveHistory(run);
    this.#promises.prove(this.runs);
  }

  /** One run so many back that still exists; the latest one where there are not so many. */
  #run(back = 0): TestRun | undefined {
    const there = this.runs.filter((run) => !this.#deleted.has(run));
    return there.at(-1 - Math.min(back, there.length - 1));
  }

  #held<Task>(tasks: readonly Held<Task>[], which: number | undefined): Held<Task> | undefined {
    const held = pick(tasks, which);
    return held === undefined || this.#deleted.has(held.run) ? undefined : held;
  }

  #ofRun(step: Step, run: TestRun): void {
    switch (step.do) {
      case 'dispatch':
        return this.#dispatch(step, run);
      case 'child-ends':
        return this.#endChild(step, run);
      case 'operation-ends':
        return this.#endOperation(step, run);
      case 'sticky-unavailable':
        this.#send({ type: 'sticky-unavailable', key: 'workflow-task' }, run);
        return;
      case 'signal': {
        const requestId = step.same ? SAME : this.workflow.newId();
        const request = SignalWorkflowExecutionRequest.create({ signalName: 's', identity: 'client', requestId, input: signalInput(++this.#numbers) });
        this.#send({ type: 'signal', request, from: senderOf(step.from) }, run);
        return;
      }
      case 'request-cancel':
        this.#send({ type: 'request-cancel', request: RequestCancelWorkflowExecutionRequest.create({}), from: senderOf(step.from) }, run);
        return;
      default: {
        const input = inputOf(step);
        if (input !== undefined) this.#send(input, run);
      }
    }
  }

  #start({ request, conflict, reuse, child, runTimeout = 0, delay = 0, retry, cron, eager, signal, update, attach, callbacks, pin }: Of<'start'>): void {
    const { workflow } = this;
    const completionCallbacks = callbacks ? [Callback.encode({ nexus: { url: 'http://there', header: new Map() } })] : [];
    const input = workflow.startInput(
      {
        ...(request !== undefined && { requestId: request }),
        workflowIdConflictPolicy: conflict ?? 0,
        workflowIdReusePolicy: reuse ?? 0,
        workflowRunTimeout: runTimeout,
        workflowStartDelay: cron ? 0 : delay,
        ...(retry && { retryPolicy: { maximumAttempts: 2, initialInterval: 50 } }),
        ...(cron && { cronSchedule: '@every 1s' }),
        requestEagerExecution: eager ?? false,
        ...(attach && { onConflictOptions: { attachRequestId: true, attachCompletionCallbacks: callbacks ?? false, attachLinks: true } }),
        completionCallbacks,
        versioningOverride: overrideOf(pin),
      },
      signal ? { signalName: 's', input: signalInput(++this.#numbers) } : undefined,
    );
    assert.ok(input.type === 'start');
    const more = { ...(child && { parent }), ...(update !== undefined && { update: updateInput(update).request }) };
    this.#send({ ...input, ...more }, workflow.runs.at(-1));
  }

  #dispatch(step: Of<'dispatch'>, run: TestRun): void {
    const found = pick([...run.owed].flatMap(([key, { dispatch }]) => (dispatch ? [{ key, dispatch }] : [])), step.which);
    if (found === undefined) return;
    const poller = { identity: 'worker', requestId: this.workflow.newId(), sticky: found.dispatch.sticky, ...pollerOf(step, found.dispatch) };
    const reply = this.#send({ type: 'dispatch', key: found.key, poller }, run);
    assert.ok(!(reply instanceof RpcError) || run.live.run.versionTransition !== undefined, 'what is owed is handed out, unless the workflow has to move first');
  }

  #endActivity({ how, task, byId }: Of<'end-activity'>): void {
    const held = this.#held(this.#activityTasks, task);
    const run = byId === undefined ? held?.run : this.#run();
    const activity = byId === undefined ? held && byToken(held.task) : ({ by: 'id', activityId: byId } as const);
    if (run === undefined || activity === undefined) return;
    const inputs: Record<NonNullable<typeof how> | 'complete', WorkflowInput> = {
      complete: { type: 'complete-activity', activity, identity: 'worker', result: payloads('r') },
      fail: { type: 'fail-activity', activity, identity: 'worker', failure: failure('f'), lastHeartbeatDetails: payloads('h') },
      cancel: { type: 'cancel-activity', activity, identity: 'worker' },
      heartbeat: { type: 'heartbeat-activity', activity, identity: 'worker', details: payloads('h') },
    };
    this.#send(inputs[how ?? 'complete'], run);
  }

  /** A child ends, known to have started or not. */
  #endChild({ which, how = 0, stranger }: Of<'child-ends'>, run: TestRun): void {
    const child = pick([...run.live.children.values()], which);
    if (child === undefined) return;
    const [eventType, attributes] = CHILD_ENDS[how % CHILD_ENDS.length] ?? CHILD_ENDS[0];
    this.#send(closed(child.initiatedEventId, child.workflowId, stranger ? 'stranger' : child.runId || 'a-run', eventType, attributes), run);
  }

  /** A Nexus operation ends, known to have started or not. */
  #endOperation({ which, how = 0, stranger }: Of<'operation-ends'>, run: TestRun): void {
    const operation = pick([...run.live.nexusOperations.values()], which);
    if (operation === undefined) return;
    const before = run.live.nexusOperations.size;
    const reply = this.#send(completionOfOperation(run, operation.scheduledEventId, OUTCOMES[how % OUTCOMES.length], stranger ? { requestId: 'stranger' } : {}), run);
    assert.equal(reply instanceof RpcError, stranger === true, 'who waits is told, and nobody else');
    if (stranger) assert.equal(run.live.nexusOperations.size, before);
  }

  /** Somebody answers a message of a run, also of one that is deleted; sometimes one that was answered before. */
  #answer({ run: back = 0, which, how = 0, again }: Of<'answer'>): void {
    const run = this.runs.at(-1 - Math.min(back, this.runs.length - 1));
    const key = run && pick(again ? this.#answered : owedKeys(run), which);
    if (run === undefined || key === undefined) return;
    this.#answered.push(key);
    const replies = key.startsWith('message:nexus')
      ? HANDLER_REPLIES
      : key.startsWith('message:callback:')
      ? [{ kind: 'taken' }, { kind: 'not-taken', message: 'no', retryable: true }, { kind: 'not-taken', message: 'no', retryable: false }]
      : [started(`run-${this.workflow.newId()}`), { kind: 'done' }, new RpcError(Code.NOT_FOUND, 'no'), new RpcError(Code.ALREADY_EXISTS, 'no'), moved('elsewhere'), started('child-1'), started('child-2')];
    this.#send({ type: 'delivered', answers: [{ key, reply: replies[how % replies.length] }] }, run);
  }

  /** An operator resets a run to a workflow task of it. */
  #reset({ base: back, to, same, alone, noUpdates }: Of<'reset'>): void {
    const { workflow } = this;
    const base = this.#run(back);
    const finish = base && pick(resetPointsOf(base), to);
    if (base === undefined || finish === undefined || workflow.runs.length === 0) return;
    const before = workflow.runs.length;
    const ended = workflow.run;
    const request = noUpdates === true ? { resetReapplyExcludeTypes: [ResetReapplyExcludeType.UPDATE] } : {};
    const input = resetInput(workflow, finish, { base, chain: alone ? [base] : this.#chainOf(base), requestId: same ? SAME : workflow.newId(), request });
    const isRepeated = same === true && workflow.run.live.run.resetRequestId === SAME;
    const reply = this.#send(input, workflow.run, false);
    const next = workflow.runs[before];
    if (isRepeated) assert.ok(next === undefined && !(reply instanceof RpcError), 'the same reset again makes no other run');
    if (next === undefined) return;
    this.#promises.forked(next, finish);
    assert.deepEqual(typesUntil(next, finish), typesUntil(base, finish), 'a reset keeps the past');
    for (const updateId of waitedFor(ended)) assert.ok(next.live.updates.has(updateId), 'an update whose outcome somebody waits for goes on');
  }

  /** The run and those that continued it as new. */
  #chainOf(base: TestRun): TestRun[] {
    const chain = [base];
    for (let { run } = base.live; run.status === WorkflowExecutionStatus.CONTINUED_AS_NEW; ) {
      const next = this.runs.find(({ runId }) => runId === run.successorRunId);
      if (next === undefined) break;
      chain.push(next);
      ({ run } = next.live);
    }
    return chain;
  }

  #delete({ run: back }: Of<'delete'>): void {
    const run = this.#run(back);
    if (run === undefined) return;
    const wasLatest = run === this.workflow.runs.at(-1);
    this.#send({ type: 'delete' }, run);
    assert.ok(this.workflow.machine.isDeleted?.(run.live), 'who deletes a run sees it no more');
    this.#deleted.add(run);
    // Without its latest run the workflow id is free: the earlier ones are found by their run ids only.
    if (wasLatest) this.workflow.runs.length = 0;
    else this.workflow.runs.splice(0, this.workflow.runs.length, ...this.workflow.runs.filter((other) => other !== run));
  }

  /** The host removes what owes its deletion. */
  #forget(): void {
    for (const run of this.#deleted) {
      if (run.owed.get('deletion') === undefined) continue;
      assert.deepEqual([...run.owed.keys()], ['deletion'], 'what is to be forgotten owes nothing else');
      this.#deleted.delete(run);
      this.#promises.prove([run]);
      proveHistory(run);
      this.runs.splice(this.runs.indexOf(run), 1);
      this.#gone.add(run);
    }
  }
  readonly #gone = new Set<TestRun>();

  #nextWake(): number | undefined {
    const times = this.runs.flatMap((run) => [...run.owed.values()].flatMap(({ wakeAt }) => wakeAt ?? []));
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #wake(): void {
    const { now } = this.workflow;
    for (const run of [...this.runs]) {
      if (![...run.owed.values()].some(({ wakeAt }) => wakeAt !== undefined && wakeAt <= now)) continue;
      this.#send({ type: 'wake' }, run);
      for (const [key, { wakeAt }] of run.owed) {
        // A retry that became ready may be past its next deadline already: that is the next wake's.
        assert.ok(wakeAt === undefined || wakeAt > now || key.startsWith('activity:'), 'what was due is done');
      }
    }
  }

  #crash({ fold, run: back }: Of<'crash'>): void {
    const run = this.#run(back);
    if (run === undefined) return;
    const { machine } = this.workflow;
    if (fold) run.reload(run.records.reduce<ReturnType<typeof machine.fold> | undefined>((state, record) => machine.fold(state, record), undefined) ?? run.live);
    else run.reload(machine.restore(machine.snapshot(run.live)));
  }

  /** @param repeatable an input that a sender may send once more as it is */
  #send(input: WorkflowInput | HostInput, run: TestRun | undefined, repeatable = true): WorkflowReply | RpcError {
    const { workflow } = this;
    if (run !== undefined && this.#gone.has(run)) return new RpcError(Code.NOT_FOUND, 'gone');
    const reply = workflow.send(input, run);
    for (const next of workflow.runs) if (!this.runs.includes(next)) this.runs.push(next);
    for (const each of this.runs) proveVersions(each);
    if (repeatable && run !== undefined && input.type !== 'dispatch' && input.type !== 'delete') {
      this.#recent.push({ run, input });
      if (this.#recent.length > RECENT) this.#recent.shift();
    }
    if (!(reply instanceof RpcError)) this.#keep(input, reply, run);
    return reply;
  }

  /** Writes down what the sender relies on now. */
  #keep(input: WorkflowInput | HostInput, reply: WorkflowReply, run: TestRun | undefined): void {
    const target = reply.kind === 'started' ? this.runs.find(({ runId }) => runId === reply.runId) : run;
    if (target === undefined) return;
    switch (input.type) {
      case 'signal':
        this.#promises.signalled(target, numberOf(input.request.input), input.request.requestId);
        break;
      case 'complete-workflow-task':
      case 'fail-workflow-task':
        this.#promises.ended(`task ${target.runId}/${input.token.scheduledEventId}/${input.token.attempt}/${input.token.stamp}`);
        break;
      case 'complete-activity':
      case 'fail-activity':
      case 'cancel-activity':
        if (input.activity.by === 'token') this.#promises.ended(`attempt ${target.runId}/${input.activity.scheduledEventId}/${input.activity.stamp}`);
        break;
      default:
    }
    if (reply.kind === 'workflow-task') this.#workflowTasks.push({ run: target, task: reply });
    if (reply.kind === 'activity-task') this.#keepActivity(target, reply);
    if (reply.kind === 'started' && reply.eagerWorkflowTask) this.#workflowTasks.push({ run: target, task: reply.eagerWorkflowTask });
    if (reply.kind !== 'workflow-task-completed') return;
    if (reply.newWorkflowTask) this.#workflowTasks.push({ run: target, task: reply.newWorkflowTask });
    for (const task of reply.activityTasks) this.#keepActivity(target, task);
  }

  #keepActivity(run: TestRun, task: ActivityTaskReply): void {
    this.#activityTasks.push({ run, task });
    run.handedOut.push(`${task.token.scheduledEventId}/${task.token.stamp}`);
  }
}
