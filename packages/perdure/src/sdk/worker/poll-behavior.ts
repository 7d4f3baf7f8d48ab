/** How many polls of a kind are open at the same time: `workflowTaskPollerBehavior` and `activityTaskPollerBehavior`. */
import { ValueError } from '../common/index.js';

/** As many polls as the server advises. A poll needs a slot as well. */
export interface PollerBehaviorAutoscaling {
  readonly type: 'autoscaling';
  /** Polls that are open always, while there are slots. Default: 1. */
  readonly minimum?: number;
  /** Default: 100. */
  readonly maximum?: number;
  /** Polls to begin with. Default: 5, or what `minimum` and `maximum` leave of it. */
  readonly initial?: number;
}

/** A number of polls, while there are slots. */
export interface PollerBehaviorSimpleMaximum {
  readonly type: 'simple-maximum';
  /** Default: 10, or the number of slots if that is less. */
  readonly maximum?: number;
}

export type PollerBehavior = PollerBehaviorAutoscaling | PollerBehaviorSimpleMaximum;

/** As compiled, for one queue. */
export type PollCount =
  /** `least` always; one more for each task that had waited for a poll, up to `most`. */
  | { readonly kind: 'by-load'; readonly least: number; readonly most: number }
  | ScaledPolls;

/** By what the server advises. */
export interface ScaledPolls {
  readonly kind: 'autoscaling';
  readonly minimum: number;
  readonly maximum: number;
  readonly initial: number;
}

const DEFAULT_POLLS = 10;
const DEFAULT_INITIAL = 5;
/** Under load polls grow to this many together, if the user named no number. */
const MOST_POLLS = 100;

export interface PollSettings {
  /** `maxConcurrent…Polls`. */
  readonly number: { readonly name: string; readonly value: number | undefined };
  readonly behavior: { readonly name: string; readonly value: PollerBehavior | undefined };
  /** How many slots there can be. */
  readonly slots: number;
  readonly atLeast: number;
}

/** One queue's part of all polls of a kind. */
interface Share {
  /** Of polls that are open always. Rounded; the last part gets the rest. */
  readonly ofPolls: number;
  /** Of the slots that further polls may hold under load. Each open poll holds a slot, so no kind may take all of them: a task of the other kind, or an eager activity, would wait for a poll to end. */
  readonly ofSlots: number;
}

/** The polls of a kind on each of its queues. @throws ValueError that names the option. */
export function pollCounts({ number, behavior, slots, atLeast }: PollSettings, shares: readonly Share[]): readonly PollCount[] {
  if (number.value !== undefined && behavior.value !== undefined) throw new ValueError(`Give either ${number.name} or ${behavior.name}, not both`);
  if (behavior.value?.type === 'autoscaling') {
    const scaled = scaledPolls(behavior.name, behavior.value);
    return shares.map(() => scaled);
  }
  const given = number.value ?? behavior.value?.maximum;
  const name = number.value === undefined ? `${behavior.name}.maximum` : number.name;
  const all = given ?? Math.min(DEFAULT_POLLS, slots);
  if (!Number.isInteger(all) || all < atLeast) throw new ValueError(`${name} must be an integer of at least ${atLeast}, got ${all}`);
  if (all > slots) throw new ValueError(`${name} must be at most ${slots}, got ${all}: each poll needs a slot (the maximum of executions)`);
  const first = shares.length === 1 ? all : Math.min(Math.max(1, Math.round(all * (shares[0]?.ofPolls ?? 1))), all - 1);
  return shares.map(({ ofSlots }, index) => {
    const least = index === 0 ? first : all - first;
    return { kind: 'by-load', least, most: given === undefined ? Math.max(least, Math.floor(Math.min(MOST_POLLS, slots) * ofSlots)) : least };
  });
}

function scaledPolls(name: string, { minimum = 1, maximum = MOST_POLLS, initial }: PollerBehaviorAutoscaling): ScaledPolls {
  const begin = initial ?? Math.min(Math.max(DEFAULT_INITIAL, minimum), maximum);
  if (!Number.isInteger(minimum) || minimum < 1) throw new ValueError(`${name}.minimum must be an integer of at least 1, got ${minimum}`);
  if (!Number.isInteger(maximum) || maximum < minimum) throw new ValueError(`${name}.maximum must be an integer of at least minimum (${minimum}), got ${maximum}`);
  if (!Number.isInteger(begin) || begin < minimum || begin > maximum) throw new ValueError(`${name}.initial must be an integer from ${minimum} to ${maximum}, got ${begin}`);
  return { kind: 'autoscaling', minimum, maximum, initial: begin };
}
