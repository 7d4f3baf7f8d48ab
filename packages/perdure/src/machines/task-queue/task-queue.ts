/**
 * The configuration of a task queue as a machine: limits and weights that operators set, with who set them when and why.
 *
 * It exists from the first time on that somebody sets something. It owes nothing but, in the end, its own deletion, and it dispatches
 * nothing: matching is told what it says. Each record holds the whole, because it is small and changes rarely.
 */
import { Code, RpcError, TaskQueueConfig, TaskQueueRecord, TaskQueueType as WireType, type Init, type RateLimitConfig } from '../../protocol/index.js';
import type { HostInput, Machine, MachineKey, Moment, Outcome } from '../machine.js';
import { TASK_QUEUE_KIND, type ConfiguredQueue, type RateChange, type TaskQueueChanges, type TaskQueueInput, type TaskQueueType } from './inputs.js';

interface TaskQueueState extends ConfiguredQueue {
  /** All that is left of it is its deletion. */
  readonly isDeleted: boolean;
}

type TaskQueueOutcome = Outcome<TaskQueueState | undefined, TaskQueueConfig>;

const DELETION = 'deletion';

function transition(state: TaskQueueState | undefined, input: TaskQueueInput | HostInput, at: Moment, self: MachineKey): TaskQueueOutcome {
  switch (input.type) {
    case 'update':
      return state === undefined || state.isDeleted ? create(state, input, at) : update(state, input.changes, input, at);
    case 'create':
      return update({ ...addressOf(self), config: TaskQueueConfig.create(), isDeleted: false }, input.changes, input, at);
    case 'delete':
      return state === undefined || state.isDeleted ? unchanged(state) : changed({ ...state, isDeleted: true }, [DELETION]);
    case 'wake':
    case 'dispatch':
    case 'sticky-unavailable':
    case 'delivered':
      return unchanged(state);
    default:
      return input satisfies never;
  }
}

function create(state: TaskQueueState | undefined, input: Extract<TaskQueueInput, { type: 'update' }>, at: Moment): TaskQueueOutcome {
  const successor = { ...input, type: 'create' } satisfies TaskQueueInput;
  return { ...unchanged(state), successor: { machine: at.newId(), input: successor, answers: true } };
}

function update(state: TaskQueueState, changes: TaskQueueChanges, { identity, mostWeights }: { readonly identity: string; readonly mostWeights: number }, at: Moment): TaskQueueOutcome {
  const fairnessWeightOverrides = new Map(state.config.fairnessWeightOverrides);
  for (const key of changes.unsetWeights) fairnessWeightOverrides.delete(key);
  for (const [key, weight] of changes.setWeights) fairnessWeightOverrides.set(key, Math.fround(weight));
  if (fairnessWeightOverrides.size > mostWeights) {
    const message = `The task queue would have ${fairnessWeightOverrides.size} fairness weight overrides: at most ${mostWeights} are accepted. Unset some first.`;
    return { ...unchanged(state), reply: new RpcError(Code.INVALID_ARGUMENT, message) };
  }
  const rate = (change: RateChange | undefined, before: RateLimitConfig | undefined) => (change === undefined ? before : rateConfig(change, identity, at));
  const config = TaskQueueConfig.create({
    queueRateLimit: rate(changes.queueRate, state.config.queueRateLimit),
    fairnessKeysRateLimitDefault: rate(changes.keyRate, state.config.fairnessKeysRateLimitDefault),
    fairnessWeightOverrides,
  });
  return changed({ ...state, config }, []);
}

/** Also a limit that was taken away says who took it away, when and why. Rounded as the journal rounds, or memory would not equal it. */
function rateConfig({ perSecond, reason }: RateChange, updateIdentity: string, at: Moment): Init<RateLimitConfig> {
  return { ...(perSecond !== undefined && { rateLimit: { requestsPerSecond: Math.fround(perSecond) } }), metadata: { reason, updateIdentity, updateTime: at.now } };
}

function addressOf({ key }: MachineKey): { readonly name: string; readonly type: TaskQueueType } {
  const end = key.indexOf('/');
  return { type: key.slice(0, end) === 'workflow' ? 'workflow' : 'activity', name: key.slice(end + 1) };
}

const changed = (state: TaskQueueState, touched: readonly string[]): TaskQueueOutcome => ({ state, record: { private: encode(state) }, reply: state.config, touched });
const unchanged = (state: TaskQueueState | undefined): TaskQueueOutcome => ({ state, reply: state?.config ?? TaskQueueConfig.create(), touched: [] });

const encode = ({ name, type, config, isDeleted }: TaskQueueState): Uint8Array =>
  TaskQueueRecord.encode({ name, type: type === 'workflow' ? WireType.WORKFLOW : WireType.ACTIVITY, config, isDeleted });

function decode(bytes: Uint8Array): TaskQueueState {
  const { name, type, config, isDeleted } = TaskQueueRecord.decode(bytes);
  return { name, type: type === WireType.WORKFLOW ? 'workflow' : 'activity', config: config ?? TaskQueueConfig.create(), isDeleted };
}

export const taskQueueMachine: Machine<TaskQueueState, TaskQueueInput, TaskQueueConfig> = {
  kind: TASK_QUEUE_KIND,
  transition,
  fold(_state, record) {
    if (record.private === undefined) throw new Error('A record of a task queue holds no configuration.');
    return decode(record.private);
  },
  snapshot: encode,
  restore: decode,
  debtKeys: (state) => (state.isDeleted ? [DELETION] : []),
  debt: (state, key) => (state.isDeleted && key === DELETION ? { deletion: true } : undefined),
  isOpen: (state) => !state.isDeleted,
  isDeleted: (state) => state.isDeleted,
  sizeBytes: (state) => 600 + 2 * state.name.length + 200 * state.config.fairnessWeightOverrides.size,
};
