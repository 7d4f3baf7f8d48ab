/** The answer to a workflow task: as the executor makes it, and as it goes out. */
import {
  Failure,
  Payloads,
  QueryResultType,
  type Command,
  type VersioningBehavior,
  type Init,
  type Message,
  type WorkflowQueryResult,
  type WorkflowTaskCompletedMetadata,
  type WorkflowTaskFailedCause,
} from '../../protocol/index.js';
import { encodeFailure } from '../common/data-converter.js';
import type { QueryAnswer } from '../workflow/activation.js';
import { encodeAnswer, encodeCommands, encodeUpdates } from './codec-pass.js';
import type { NondeterminismReport } from './nondeterminism.js';
import type { RunCodecs } from './run-codecs.js';
import { messageOf, type OutgoingUpdate } from './updates.js';

/** The task fails and is tried again. */
export interface FailedTask {
  readonly kind: 'failed';
  readonly cause: WorkflowTaskFailedCause;
  readonly failure: Init<Failure>;
  readonly nondeterminism?: NondeterminismReport;
}

export type TaskOutcome =
  | {
      readonly kind: 'completed';
      readonly commands: Init<Command>[];
      readonly messages: Init<Message>[];
      readonly queryResults: Map<string, Init<WorkflowQueryResult>>;
      readonly sdkMetadata?: Init<WorkflowTaskCompletedMetadata>;
      readonly forceNewTask?: boolean;
      /** When the run began, milliseconds since the epoch; only if it ends here. */
      readonly runStartTimeMs?: number;
      /** Absent: that of the worker. */
      readonly versioningBehavior?: VersioningBehavior;
    }
  | FailedTask
  | {
      readonly kind: 'query';
      readonly answer:
        | { readonly ok: true; readonly result: Payloads }
        | { readonly ok: false; readonly message: string; readonly failure: Init<Failure> };
    };

/** Before payload codecs: answers to updates in place of messages. */
type UncodedCompletion = Omit<Extract<TaskOutcome, { kind: 'completed' }>, 'messages'> & { readonly updates: readonly OutgoingUpdate[] };
export type UncodedOutcome = Exclude<TaskOutcome, { kind: 'completed' }> | UncodedCompletion;

/** Payload codecs on everything of the user's that goes out. */
export async function encodeOutcome(runCodecs: RunCodecs | undefined, outcome: UncodedOutcome): Promise<TaskOutcome> {
  if (runCodecs === undefined) return outcome.kind === 'completed' ? withMessages(outcome, outcome.updates) : outcome;
  const codecs = runCodecs.own;
  const encode = async (failure: Init<Failure>): Promise<Failure> => encodeFailure(codecs, Failure.create(failure));
  if (outcome.kind === 'failed') return { ...outcome, failure: await encode(outcome.failure) };
  if (outcome.kind === 'query') {
    const { answer } = outcome;
    if (!answer.ok) return { kind: 'query', answer: { ...answer, failure: await encode(answer.failure) } };
    const [payload] = answer.result.payloads;
    return { kind: 'query', answer: { ok: true, result: Payloads.create({ payloads: payload ? [await encodeAnswer(codecs, payload)] : [] }) } };
  }
  const queryResults = new Map<string, Init<WorkflowQueryResult>>();
  for (const [id, result] of outcome.queryResults) {
    const [payload] = result.answer === undefined ? [] : Payloads.decode(result.answer).payloads;
    const answer = payload && Payloads.encode({ payloads: [await encodeAnswer(codecs, payload)] });
    const failure = result.failure && Failure.encode(await encode(Failure.decode(result.failure)));
    queryResults.set(id, { ...result, answer, failure });
  }
  const commands = await encodeCommands(runCodecs, outcome.commands);
  return withMessages({ ...outcome, commands, queryResults }, await encodeUpdates(codecs, outcome.updates));
}

function withMessages(completion: UncodedCompletion, answers: readonly OutgoingUpdate[]): TaskOutcome {
  const { kind, commands, queryResults, sdkMetadata, forceNewTask, versioningBehavior, runStartTimeMs } = completion;
  const messages = answers.map(messageOf);
  return { kind, commands, messages, queryResults, ...(sdkMetadata && { sdkMetadata }), ...(forceNewTask && { forceNewTask }), ...(versioningBehavior && { versioningBehavior }), ...(runStartTimeMs !== undefined && { runStartTimeMs }) };
}

export function queryResult(answer: QueryAnswer): Init<WorkflowQueryResult> {
  return answer.ok
    ? { resultType: QueryResultType.ANSWERED, answer: Payloads.encode({ payloads: [answer.payload] }) }
    : { resultType: QueryResultType.FAILED, errorMessage: answer.message, failure: Failure.encode(answer.failure) };
}
