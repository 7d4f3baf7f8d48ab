/**
 * Programs: lists of steps that clients, workers, operators, clocks and crashes take against one workflow id, as plain data.
 *
 * A step means something in every situation: what it picks is picked from what is there at that moment, and where there is nothing it does
 * nothing. All that is not its name may be left out, so a program stays a program whatever a shrinker takes away. `program-run.ts`
 * takes the steps; {@link randomProgram} makes programs up. For tests only.
 */

import { ParentClosePolicy, WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '../../../protocol/index.js';
import type { BuildOfStep, Pin } from './versions.js';

/** Picks from a list by its place from the end, counted round: 0 is the latest. */
type Pick = number;

export type CommandStep =
  | { readonly make: 'activity'; readonly id?: string; readonly heartbeatTimeout?: number; readonly scheduleToClose?: number; readonly attempts?: number; readonly eager?: boolean }
  | { readonly make: 'timer'; readonly id?: string; readonly ms?: number }
  | { readonly make: 'cancel-timer'; readonly which?: Pick }
  | { readonly make: 'cancel-activity'; readonly which?: Pick }
  | { readonly make: 'marker' }
  | { readonly make: 'upsert' }
  | { readonly make: 'child'; readonly id?: string; readonly closePolicy?: ParentClosePolicy }
  | { readonly make: 'signal-external'; readonly id?: string; readonly childOnly?: boolean }
  | { readonly make: 'cancel-external'; readonly id?: string }
  | { readonly make: 'nexus'; readonly scheduleToClose?: number; readonly scheduleToStart?: number; readonly startToClose?: number }
  | { readonly make: 'cancel-nexus'; readonly which?: Pick }
  | { readonly make: 'complete' | 'fail' | 'cancel' | 'continue-as-new' };

/** What a worker says about an update; `both`: accepted and completed in one task; `command`: it also names the message in its commands. */
export interface UpdateAnswer {
  readonly say?: 'reject' | 'both' | 'nothing';
  readonly command?: boolean;
}

export type ActivitySelectionStep = 'all' | 'type' | 'a' | 'b';

/** `run`: how many runs back; the latest if left out. */
export type Step =
  | {
      readonly do: 'start';
      readonly request?: string;
      readonly conflict?: WorkflowIdConflictPolicy;
      readonly reuse?: WorkflowIdReusePolicy;
      readonly child?: boolean;
      readonly runTimeout?: number;
      readonly delay?: number;
      readonly retry?: boolean;
      readonly cron?: boolean;
      readonly eager?: boolean;
      readonly signal?: boolean;
      readonly update?: string;
      readonly attach?: boolean;
      readonly callbacks?: boolean;
      readonly pin?: Pin;
    }
  | ({ readonly do: 'dispatch'; readonly which?: Pick; readonly run?: number } & BuildOfStep)
  | ({
      readonly do: 'complete-task';
      readonly task?: Pick;
      readonly commands?: readonly CommandStep[];
      readonly updates?: readonly UpdateAnswer[];
      /** Completes this many of the accepted updates. */
      readonly finish?: number;
      readonly sticky?: boolean;
      readonly discards?: boolean;
      readonly returnNew?: boolean;
      readonly force?: boolean;
    } & BuildOfStep)
  | { readonly do: 'fail-task'; readonly task?: Pick }
  | { readonly do: 'end-activity'; readonly how?: 'fail' | 'cancel' | 'heartbeat'; readonly task?: Pick; readonly byId?: string }
  | { readonly do: 'wait'; readonly ms?: number }
  | { readonly do: 'wake' }
  | { readonly do: 'signal'; readonly same?: boolean; readonly run?: number; readonly from?: 'parent' | 'other' }
  /** `request`: its number, and callbacks. */
  | { readonly do: 'update'; readonly id?: string; readonly run?: number; readonly request?: number }
  | { readonly do: 'request-cancel'; readonly run?: number; readonly from?: 'parent' | 'other' }
  | { readonly do: 'terminate'; readonly run?: number }
  | { readonly do: 'delete'; readonly run?: number }
  | { readonly do: 'forget' }
  | { readonly do: 'reset'; readonly base?: number; readonly to?: Pick; readonly same?: boolean; readonly alone?: boolean; readonly noUpdates?: boolean }
  | { readonly do: 'sticky-unavailable' }
  | { readonly do: 'reset-sticky' }
  | { readonly do: 'pause'; readonly request?: string }
  | { readonly do: 'unpause' }
  | { readonly do: 'change-options'; readonly priority?: number; readonly versioning?: boolean; readonly pin?: Pin }
  | { readonly do: 'answer'; readonly run?: number; readonly which?: Pick; readonly how?: number; readonly again?: boolean }
  /** `stranger`: for an operation that nobody waits for. */
  | { readonly do: 'operation-ends'; readonly which?: Pick; readonly how?: number; readonly stranger?: boolean; readonly run?: number }
  | { readonly do: 'child-ends'; readonly which?: Pick; readonly how?: number; readonly stranger?: boolean }
  | { readonly do: 'pause-activities'; readonly of?: ActivitySelectionStep; readonly request?: string }
  | { readonly do: 'unpause-activities'; readonly of?: ActivitySelectionStep; readonly attempts?: boolean; readonly heartbeat?: boolean; readonly jitter?: number }
  | { readonly do: 'reset-activities'; readonly of?: ActivitySelectionStep; readonly heartbeat?: boolean; readonly keepPaused?: boolean; readonly restore?: boolean; readonly jitter?: number }
  | { readonly do: 'change-activities'; readonly of?: ActivitySelectionStep; readonly paths?: readonly string[] }
  | { readonly do: 'crash'; readonly fold?: boolean; readonly run?: number }
  /** An input that came before comes once more, byte for byte. */
  | { readonly do: 'repeat'; readonly which?: Pick };

export type Program = readonly Step[];

/** The same seed gives the same program. */
export function randomProgram(seed: number, steps: number): Program {
  const make = new Chance(seed);
  return [make.firstStart(), ...Array.from({ length: steps - 1 }, () => make.step())];
}

class Chance {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  firstStart(): Step {
    const cron = this.#chance(0.15);
    return lean({
      do: 'start',
      request: 'r1',
      child: this.#chance(0.3),
      runTimeout: this.#chance(0.2) ? 20_000 : 0,
      delay: !cron && this.#chance(0.2) ? 500 : 0,
      retry: this.#chance(0.3),
      cron,
      eager: this.#chance(0.1),
      signal: this.#chance(0.1),
      update: this.#chance(0.1) ? 'u1' : undefined,
    });
  }

  step(): Step {
    let left = this.#random() * WEIGHT;
    for (const [weight, make] of STEPS) {
      left -= weight;
      if (left < 0) return lean(make(this.#in));
    }
    return { do: 'wake' };
  }

  readonly #in: Dice = {
    chance: (probability) => this.#chance(probability),
    below: (limit) => Math.floor(this.#random() * limit),
    of: (...from) => from[Math.floor(this.#random() * from.length)] as (typeof from)[number],
    /** Mostly the latest run. */
    run: () => (this.#chance(0.15) ? 1 + Math.floor(this.#random() * 3) : 0),
    list: (most, make) => Array.from({ length: Math.floor(this.#random() * (most + 1)) }, () => lean(make())),
  };

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }
}

interface Dice {
  chance(probability: number): boolean;
  below(limit: number): number;
  of<T>(...from: readonly T[]): T;
  run(): number;
  list<T extends object>(most: number, make: () => T): T[];
}

const SELECTIONS = ['all', 'type', 'a', 'b'] as const;

const STEPS: readonly (readonly [number, (dice: Dice) => Step])[] = [
  [12, ({ below, run }) => ({ do: 'dispatch', which: below(4), run: run() })],
  [9, completion],
  [1, ({ chance, below }) => ({ do: 'fail-task', task: chance(0.8) ? 0 : below(9) })],
  [8, ({ below, of }) => ({ do: 'end-activity', how: of(undefined, undefined, 'fail', 'cancel', 'heartbeat'), task: below(6) })],
  [0.5, ({ of }) => ({ do: 'end-activity', how: of(undefined, 'fail', 'heartbeat'), byId: of('a', 'b', 'c') })],
  [4, () => ({ do: 'wake' })],
  [2, ({ chance, below }) => ({ do: 'wait', ms: chance(0.15) ? -5000 : below(400) })],
  [4, ({ chance, run, of }) => ({ do: 'signal', same: chance(0.2), run: run(), from: chance(0.15) ? of('parent', 'other') : undefined })],
  [4, ({ of, run, chance, below }) => ({ do: 'update', id: of('u1', 'u2', 'u3', 'u4'), run: run(), request: chance(0.4) ? below(6) : undefined })],
  [0.7, ({ run, chance, of }) => ({ do: 'request-cancel', run: run(), from: chance(0.3) ? of('parent', 'other') : undefined })],
  [0.3, ({ run }) => ({ do: 'terminate', run: run() })],
  [0.4, ({ run, chance }) => ({ do: 'delete', run: chance(0.5) ? 1 : run() })],
  [1, () => ({ do: 'forget' })],
  [1.2, ({ below, chance, run }) => ({ do: 'reset', base: run(), to: below(8), same: chance(0.15), alone: chance(0.5), noUpdates: chance(0.3) })],
  [1, () => ({ do: 'sticky-unavailable' })],
  [0.5, () => ({ do: 'reset-sticky' })],
  [0.7, ({ of }) => ({ do: 'pause', request: of('p1', 'p2') })],
  [2, () => ({ do: 'unpause' })],
  [1.5, startOnTop],
  [0.5, ({ below, chance }) => ({ do: 'change-options', priority: below(3), versioning: chance(0.5) })],
  [7, ({ run, below, chance }) => ({ do: 'answer', run: run(), which: below(4), how: below(7), again: chance(0.1) })],
  [2.5, ({ below, chance, run }) => ({ do: 'operation-ends', which: below(3), how: below(3), stranger: chance(0.1), run: run() })],
  [3, ({ below, chance }) => ({ do: 'child-ends', which: below(3), how: below(5), stranger: chance(0.1) })],
  [1, ({ of }) => ({ do: 'pause-activities', of: of(...SELECTIONS), request: of('', 'q1') })],
  [1.5, ({ of, chance, below }) => ({ do: 'unpause-activities', of: of(...SELECTIONS), attempts: chance(0.5), heartbeat: chance(0.5), jitter: chance(0.5) ? below(100) / 100 : 0 })],
  [1, ({ of, chance, below }) => ({ do: 'reset-activities', of: of(...SELECTIONS), heartbeat: chance(0.5), keepPaused: chance(0.5), restore: chance(0.3), jitter: chance(0.5) ? below(100) / 100 : 0 })],
  [1, ({ of, chance }) => ({ do: 'change-activities', of: of(...SELECTIONS), paths: chance(0.3) ? undefined : ['start_to_close_timeout', 'retry_policy.initial_interval', 'task_queue.name'].filter(() => chance(0.6)) })],
  [2, ({ chance, run }) => ({ do: 'crash', fold: chance(0.5), run: run() })],
  [2, ({ below }) => ({ do: 'repeat', which: below(12) })],
];

const WEIGHT = STEPS.reduce((sum, [weight]) => sum + weight, 0);

function startOnTop({ of, chance }: Dice): Step {
  return {
    do: 'start',
    request: of('r1', 'r2', 'r3', undefined),
    conflict: of(...Object.values(WorkflowIdConflictPolicy)),
    reuse: chance(0.7) ? undefined : of(...Object.values(WorkflowIdReusePolicy)),
    child: chance(0.2),
    signal: chance(0.2),
    update: chance(0.2) ? of('u1', 'u5') : undefined,
    attach: chance(0.5),
    callbacks: chance(0.5),
  };
}

function completion(dice: Dice): Step {
  const { chance, below, of, list } = dice;
  const commands = list(3, () => commandStep(dice));
  // A local activity that lasts: nothing but a marker now and then, and the next task at once.
  if (chance(0.15)) return { do: 'complete-task', task: 0, commands: chance(0.5) ? [{ make: 'marker' }] : [], sticky: true, returnNew: true, force: true };
  if (chance(0.07)) commands.push({ make: of('complete', 'fail', 'cancel', 'continue-as-new', 'continue-as-new') });
  return {
    do: 'complete-task',
    task: chance(0.8) ? 0 : below(9),
    commands,
    updates: list(3, () => ({ say: of(undefined, 'reject', 'both', 'both', 'nothing'), command: chance(0.8) })),
    finish: chance(0.5) ? below(3) : 0,
    sticky: chance(0.5),
    discards: chance(0.7),
    returnNew: chance(0.5),
    force: chance(0.1),
  };
}

function commandStep({ chance, below, of }: Dice): CommandStep {
  switch (below(13)) {
    case 0:
    case 1:
      return {
        make: 'activity',
        id: of('a', 'b', 'c', 'd'),
        heartbeatTimeout: chance(0.3) ? 300 : 0,
        scheduleToClose: chance(0.3) ? 1500 : 0,
        attempts: of(0, 1, 3),
        eager: chance(0.3),
      };
    case 2:
      return { make: 'timer', id: of('1', '2', '3'), ms: of(1, 50, 2000) };
    case 3:
      return { make: 'cancel-timer', which: below(3) };
    case 4:
      return { make: 'cancel-activity', which: below(3) };
    case 5:
      return { make: chance(0.5) ? 'marker' : 'upsert' };
    case 6:
    case 7:
      return { make: 'child', id: of('c1', 'c2', 'c3'), closePolicy: of(...Object.values(ParentClosePolicy)) };
    case 8:
    case 9:
      return {
        make: 'nexus',
        scheduleToClose: chance(0.3) ? 3000 : 0,
        scheduleToStart: chance(0.2) ? 800 : 0,
        startToClose: chance(0.2) ? 700 : 0,
      };
    case 10:
      return { make: 'cancel-nexus', which: below(3) };
    case 11:
      return { make: 'signal-external', id: of('c1', 'c4'), childOnly: chance(0.3) };
    default:
      return { make: 'cancel-external', id: of('c1', 'c4') };
  }
}

/** Without what says nothing: a step is read by people. */
function lean<T extends object>(step: T): T {
  const said = Object.entries(step).filter(([, value]) => value !== undefined && value !== false && value !== 0 && value !== '' && !(Array.isArray(value) && value.length === 0));
  return Object.fromEntries(said) as T;
}

function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}
