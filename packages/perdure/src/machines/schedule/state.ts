/**
 * The state of a schedule: what its events add up to.
 *
 * Its data is the message of its snapshot, so that live and stored state cannot drift apart. It is changed by `apply.ts` alone. It holds
 * what is pending and a few of the latest results: its size does not grow with the number of firings.
 */
import { Schedule, ScheduleOverlapPolicy, ScheduleSnapshot } from '../../protocol/index.js';
import type { SchedulePolicies, ScheduleState as WireState } from '../../protocol/index.js';
import type { KeptListing } from './listing.js';
import { Timing } from './timing.js';

export const DEFAULT_CATCHUP_WINDOW_MS = 365 * 86_400_000;
const LEAST_CATCHUP_WINDOW_MS = 10_000;
/** A schedule that can do nothing more is forgotten after this long. */
const RETENTION_MS = 7 * 86_400_000;

/** What the time of a firing adds to a workflow id: `-2026-01-31T09:30:00Z`. */
export const SCHEDULE_SUFFIX_BYTES = 21;

/** Bounds of what a schedule holds. */
export const SCHEDULE_BOUNDS = {
  /** Firings that wait for the action that runs. */
  buffer: 1000,
  backfills: 100,
  /** Results that are shown. */
  recent: 10,
  skips: 10,
  requestIds: 10,
  /** Records of one machine; then the schedule goes on as another one. */
  records: 1000,
  /** Firings that are looked at in one transition. */
  firingsAtOnce: 1000,
  /** Firings that one transition takes from backfills, and how full they may make the buffer. */
  backfilledAtOnce: 100,
  backfilledBuffer: 500,
} as const;

export class ScheduleMachineState {
  data: ScheduleSnapshot = ScheduleSnapshot.create();
  /** Bytes of user data that it holds. */
  userBytes = 0;
  /** Derived: what lists see, kept by `listing.ts` for as long as nothing in it changes. */
  listed: KeptListing | undefined = undefined;
  /** Derived from the spec. Not part of what is compared: an equal spec makes an equal one. */
  #timing: { readonly of: Schedule['spec'] | undefined; readonly timing: Timing } | undefined;

  get schedule(): Schedule {
    return this.data.schedule ?? Schedule.create();
  }

  get timing(): Timing {
    const { schedule, namespaceId, scheduleId } = this.data;
    if (this.#timing === undefined || this.#timing.of !== schedule?.spec) {
      const spec = schedule?.spec ?? Schedule.create({ spec: {} }).spec;
      if (spec === undefined) throw new Error('a schedule without a spec');
      this.#timing = { of: schedule?.spec, timing: new Timing(spec, jitterSeed(namespaceId, scheduleId)) };
    }
    return this.#timing.timing;
  }

  get policies(): SchedulePolicies {
    return this.schedule.policies ?? { overlapPolicy: ScheduleOverlapPolicy.SKIP, pauseOnFailure: false, keepOriginalWorkflowId: false };
  }

  get state(): WireState {
    return this.schedule.state ?? { notes: '', paused: false, limitedActions: false, remainingActions: 0 };
  }

  /** It may take actions of its own: it is not paused and has some left. */
  get mayAct(): boolean {
    const { paused, limitedActions, remainingActions } = this.state;
    return !paused && (!limitedActions || remainingActions > 0);
  }

  /** An action that others wait for runs or is being started. */
  get isBusy(): boolean {
    return this.data.running.length > 0 || this.data.starting.some((action) => action.exclusive);
  }

  /** Another firing of a backfill can be looked at. */
  get canBackfill(): boolean {
    return this.data.backfills.length > 0 && this.data.buffer.length < SCHEDULE_BOUNDS.backfilledBuffer;
  }

  get isOpen(): boolean {
    return !this.data.deleted && !this.data.handedOn;
  }

  /** When it is to be woken. */
  get wakeAt(): number | undefined {
    const { lastEventMs, nextMs } = this.data;
    if (this.canBackfill) return lastEventMs;
    return this.mayAct && nextMs > 0 ? Math.ceil(nextMs) : this.forgottenAtMs;
  }

  /** When it is forgotten, if nothing changes: nothing will ever happen again, and nobody has paused it to go on later. */
  get forgottenAtMs(): number | undefined {
    const { buffer, starting, running, backfills, nextMs, lastEventMs } = this.data;
    const rests = buffer.length + starting.length + running.length + backfills.length === 0;
    return rests && !this.state.paused && !(nextMs > 0 && this.mayAct) ? lastEventMs + RETENTION_MS : undefined;
  }

  get identity(): string {
    return `temporal-scheduler-${this.data.namespace}-${this.data.scheduleId}`;
  }

  /** @param asked of a trigger or backfill */
  overlapPolicy(asked: ScheduleOverlapPolicy): ScheduleOverlapPolicy {
    return asked || this.policies.overlapPolicy || ScheduleOverlapPolicy.SKIP;
  }
}

/** What makes the jitter of one schedule another than that of the next. */
export function jitterSeed(namespaceId: string, scheduleId: string): string {
  return `${namespaceId} ${scheduleId}`;
}

/** The schedule with its defaults filled in, and its bytes its own. */
export function withDefaults(schedule: Schedule): Schedule {
  const copy = Schedule.decode(new Uint8Array(Schedule.encode(schedule)));
  const { policies, state, spec } = copy;
  const asked = policies?.catchupWindow;
  return {
    ...copy,
    spec: spec ?? Schedule.create({ spec: {} }).spec,
    policies: {
      overlapPolicy: policies?.overlapPolicy || ScheduleOverlapPolicy.SKIP,
      catchupWindow: asked === undefined ? DEFAULT_CATCHUP_WINDOW_MS : Math.max(asked, LEAST_CATCHUP_WINDOW_MS),
      pauseOnFailure: policies?.pauseOnFailure ?? false,
      keepOriginalWorkflowId: policies?.keepOriginalWorkflowId ?? false,
    },
    state: state ?? { notes: '', paused: false, limitedActions: false, remainingActions: 0 },
  };
}

/** Clients take it back to where it came from; it changes with what they may change, and with the remaining actions. */
export function conflictToken(state: ScheduleMachineState): Uint8Array {
  const token = Buffer.alloc(8);
  token.writeUInt32BE(Math.floor(state.data.conflictToken / 2 ** 32), 0);
  token.writeUInt32BE(state.data.conflictToken % 2 ** 32, 4);
  return token;
}
