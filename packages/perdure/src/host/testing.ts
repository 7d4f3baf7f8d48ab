/**
 * A small machine for the host's tests: it counts, owes tasks, wakes and messages, has successors, and can be told to misbehave.
 *
 * Each step writes one history event and one private record, both JSON, so that a test can read what was journalled.
 */
import { listingOf, type Listing } from '../machines/listing.js';
import type { Debt, HostInput, JournalRecord, Machine, MachineKey, Moment, Outcome, TaskQueueAddress } from '../machines/machine.js';
import { Matching, type MatchingLimits } from '../matching/matching.js';
import type { Logger } from '../ports/logger.js';
import { VirtualClock } from '../ports/virtual-clock.js';
import { seededRandom } from '../ports/random.js';
import { Code, RpcError } from '../protocol/index.js';
import { SimulatedStore } from '../store/simulated/simulated-store.js';
import type { Store } from '../store/store.js';
import type { Courier } from './courier.js';
import { Host, type HostLimits } from './host.js';

export const TOY = 'toy';

export type ToyInput =
  | { readonly type: 'start' }
  | { readonly type: 'create'; readonly count: number }
  | { readonly type: 'add'; readonly amount: number; readonly id?: string }
  | { readonly type: 'task'; readonly id: string; readonly queue: TaskQueueAddress; readonly sticky?: boolean }
  | { readonly type: 'finish'; readonly id: string }
  | { readonly type: 'timer'; readonly id: string; readonly at: number }
  | { readonly type: 'post'; readonly id: string; readonly to: MachineKey; readonly input: ToyInput }
  | { readonly type: 'succeed' }
  | { readonly type: 'close' }
  | { readonly type: 'delete' }
  /** Writes a record that leaves out an event. */
  | { readonly type: 'gap' }
  | { readonly type: 'throw' };

interface ToyTask {
  readonly queue: TaskQueueAddress;
  readonly since: number;
  readonly sticky: boolean;
  readonly startedBy?: string;
}

export interface Toy {
  id: string;
  count: number;
  open: boolean;
  deleted: boolean;
  events: number;
  tasks: Record<string, ToyTask>;
  timers: Record<string, number>;
  /** How often each timer fired. */
  fired: Record<string, number>;
  posts: Record<string, { readonly to: MachineKey; readonly input: ToyInput }>;
  answers: Record<string, unknown>;
  /** Ids of the additions that were taken: the receiver deduplicates. */
  taken: Record<string, number>;
}

type Change = { readonly set: Partial<Toy>; readonly fields?: readonly (readonly [keyof Toy, string, unknown])[] };

export function event(id: number, text: string): Uint8Array {
  const content = Buffer.from(`${id}:${text};`);
  return Buffer.concat([Buffer.from([10, content.length]), content]);
}

function apply(state: Toy, change: Change, events: number): void {
  Object.assign(state, change.set);
  state.events += events;
  for (const [field, key, value] of change.fields ?? []) {
    const map = state[field] as Record<string, unknown>;
    if (value === null) delete map[key];
    else map[key] = value;
  }
}

function decideChange(state: Toy, input: Exclude<ToyInput, { type: 'start' | 'create' }> | HostInput, at: Moment): { reply: unknown; change?: Change; touched: string[] } {
  const field = (name: keyof Toy, key: string, value: unknown): Change => ({ set: {}, fields: [[name, key, value]] });
  switch (input.type) {
    case 'add': {
      const { id, amount } = input;
      const earlier = id === undefined ? undefined : state.taken[id];
      if (earlier !== undefined) return { reply: earlier, touched: [] };
      if (!state.open) return { reply: new RpcError(Code.NOT_FOUND, 'closed'), touched: [] };
      const count = state.count + amount;
      return { reply: count, change: { set: { count }, fields: id === undefined ? [] : [['taken', id, count]] }, touched: [] };
    }
    case 'task':
      return { reply: input.id, change: field('tasks', input.id, { queue: input.queue, since: at.now, sticky: input.sticky ?? false }), touched: [`task:${input.id}`] };
    case 'finish':
      return { reply: input.id, change: field('tasks', input.id, null), touched: [`task:${input.id}`] };
    case 'timer':
      return { reply: input.id, change: field('timers', input.id, input.at), touched: [`timer:${input.id}`] };
    case 'post':
      return { reply: input.id, change: field('posts', input.id, { to: input.to, input: input.input }), touched: [`post:${input.id}`] };
    case 'close': {
      const touched = [...Object.keys(state.tasks).map((id) => `task:${id}`), ...Object.keys(state.timers).map((id) => `timer:${id}`)];
      return { reply: undefined, change: { set: { open: false, tasks: {}, timers: {} } }, touched };
    }
    case 'gap':
      state.events += 1;
      return { reply: undefined, change: { set: {} }, touched: [] };
    case 'delete': {
      const touched = [...Object.keys(state.tasks).map((id) => `task:${id}`), ...Object.keys(state.timers).map((id) => `timer:${id}`), 'deletion'];
      return { reply: undefined, change: { set: { open: false, deleted: true, tasks: {}, timers: {} } }, touched };
    }
    case 'throw':
      state.count = -999;
      throw new Error('told to throw');
    case 'succeed':
      return { reply: undefined, change: { set: { open: false } }, touched: [] };
    case 'wake': {
      const due = Object.entries(state.timers).filter(([, wakeAt]) => wakeAt <= at.now);
      if (due.length === 0) return { reply: undefined, touched: [] };
      const fields = due.flatMap(([id]) => [['timers', id, null], ['fired', id, (state.fired[id] ?? 0) + 1]] as const);
      return { reply: undefined, change: { set: {}, fields }, touched: due.map(([id]) => `timer:${id}`) };
    }
    case 'dispatch': {
      const id = input.key.slice('task:'.length);
      const task = state.tasks[id];
      if (task === undefined || task.startedBy !== undefined) return { reply: new RpcError(Code.NOT_FOUND, 'not owed'), touched: [input.key] };
      return { reply: { task: id, machine: state.id, poller: input.poller }, change: field('tasks', id, { ...task, startedBy: input.poller.requestId }), touched: [input.key] };
    }
    case 'sticky-unavailable': {
      const id = input.key.slice('task:'.length);
      const task = state.tasks[id] as ToyTask;
      return { reply: undefined, change: field('tasks', id, { ...task, queue: { ...task.queue, name: 'normal' }, sticky: false }), touched: [input.key] };
    }
    case 'delivered': {
      const known = input.answers.filter(({ key }) => state.posts[key.slice('post:'.length)] !== undefined);
      if (known.length === 0) return { reply: undefined, touched: [] };
      const fields = known.flatMap(({ key, reply }) => {
        const id = key.slice('post:'.length);
        const answer = reply instanceof RpcError ? `error ${reply.code}` : (reply ?? 'nothing');
        return [['posts', id, null], ['answers', id, answer]] as const;
      });
      return { reply: undefined, change: { set: {}, fields }, touched: [...known.map(({ key }) => key), ...(state.deleted ? ['deletion'] : [])] };
    }
    default:
      return input satisfies never;
  }
}

function record(state: Toy, change: Change, text: string): JournalRecord {
  const id = state.events + 1;
  apply(state, change, 1);
  return { history: { firstEventId: id, lastEventId: id, bytes: event(id, text) }, private: Buffer.from(JSON.stringify(change)) };
}

const empty = (id: string, count: number): Toy => ({ id, count, open: true, deleted: false, events: 0, tasks: {}, timers: {}, fired: {}, posts: {}, answers: {}, taken: {} });

/** The listing that a state has now, kept for as long as nothing in it changes. */
const toyListings = new WeakMap<Toy, { readonly count: number; readonly listing: Listing }>();

function toyListing(state: Toy): Listing | undefined {
  if (state.deleted) return undefined;
  const { count } = state;
  const kept = toyListings.get(state);
  if (kept?.count === count) return kept.listing;
  const listing = listingOf({ shown: Buffer.from(`${count}`), attributes: new Map([['StartTime', 1]]) });
  toyListings.set(state, { count, listing });
  return listing;
}

export const toyMachine: Machine<Toy, ToyInput, unknown> = {
  kind: TOY,
  transition(state, input, at, self): Outcome<Toy | undefined, unknown> {
    if (input.type === 'start') {
      if (state?.open === true) return { state, reply: state.id, touched: [] };
      return { state, reply: undefined, touched: [], successor: { machine: at.newId(), input: { type: 'create', count: 0 }, answers: true } };
    }
    if (input.type === 'create') {
      const created = empty('', 0);
      const journal = record(created, { set: { id: self.machine, count: input.count } }, 'create');
      return { state: created, record: journal, reply: self.machine, touched: [] };
    }
    if (state === undefined) return { state, reply: new RpcError(Code.NOT_FOUND, `There is no ${self.key}.`), touched: [] };
    const { reply, change, touched } = decideChange(state, input, at);
    if (change === undefined) return { state, reply, touched };
    const journal = record(state, change, input.type);
    const successor = input.type === 'succeed' ? { machine: at.newId(), input: { type: 'create', count: state.count + 1 }, answers: true } : undefined;
    const notices = input.type === 'add' ? [`count is ${state.count}`] : undefined;
    return { state, record: journal, reply, touched, ...(successor && { successor }), ...(notices && { notices }) };
  },
  fold(state, journal) {
    const folded = state ?? empty('', 0);
    apply(folded, JSON.parse(Buffer.from(journal.private ?? []).toString()) as Change, 1);
    return folded;
  },
  snapshot: (state) => Buffer.from(JSON.stringify(state)),
  restore: (snapshot) => JSON.parse(Buffer.from(snapshot).toString()) as Toy,
  *debtKeys(state) {
    for (const id of Object.keys(state.tasks)) yield `task:${id}`;
    for (const id of Object.keys(state.timers)) yield `timer:${id}`;
    for (const id of Object.keys(state.posts)) yield `post:${id}`;
    if (state.deleted) yield 'deletion';
  },
  debt(state, key): Debt | undefined {
    if (key === 'deletion') return state.deleted && Object.keys(state.posts).length === 0 ? { deletion: true } : undefined;
    const id = key.slice(key.indexOf(':') + 1);
    if (key.startsWith('task:')) {
      const task = state.tasks[id];
      return task === undefined || task.startedBy !== undefined ? undefined : { dispatch: { queue: task.queue, since: task.since, sticky: task.sticky } };
    }
    if (key.startsWith('timer:')) return state.timers[id] === undefined ? undefined : { wakeAt: state.timers[id] };
    const post = state.posts[id];
    return post === undefined ? undefined : { message: { to: post.to, input: post.input } };
  },
  isOpen: (state) => state.open || Object.keys(state.posts).length > 0,
  isDeleted: (state) => state.deleted,
  sizeBytes: () => 1_000,
};

/** Lists its count. */
export const toyWithListing: typeof toyMachine = { ...toyMachine, listing: toyListing };

export const NAMESPACE = 'n';
export const toy = (key: string, machine?: string): MachineKey => ({ kind: TOY, namespace: NAMESPACE, key, ...(machine !== undefined && { machine }) });
export const queue = (name: string): TaskQueueAddress => ({ namespace: NAMESPACE, name, type: 'activity' });

/** A poll that nobody hangs up on, unless the test does. */
export function pollOf(matching: Matching, name: string, requestId: string, options: { signal?: AbortSignal; timeoutMs?: number } = {}): Promise<unknown> {
  const { signal = new AbortController().signal, timeoutMs = 60_000 } = options;
  return matching.poll(queue(name), { identity: 'worker', requestId, signal, timeoutMs });
}

export interface ToyServer extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly matching: Matching;
  readonly host: Host;
  readonly store: Store;
  send<Reply = unknown>(key: string, input: ToyInput, machine?: string): Promise<Reply>;
  toy(key: string, machine?: string): Promise<Toy>;
}

export interface ToyServerOptions {
  readonly couriers?: readonly Courier[];
  readonly store?: Store;
  readonly clock?: VirtualClock;
  readonly limits?: Partial<HostLimits>;
  readonly matchingLimits?: Partial<MatchingLimits>;
  readonly seed?: number;
  readonly logger?: Logger;
  readonly machines?: readonly Machine<Toy, ToyInput, unknown>[];
}

/** A host with the toy machine, verifying every step. */
export function startToyServer(options: ToyServerOptions = {}): ToyServer {
  const clock = options.clock ?? new VirtualClock();
  const store = options.store ?? new SimulatedStore({ clock });
  const matching = new Matching({ clock, limits: { ...options.matchingLimits } });
  const random = seededRandom(options.seed ?? 1, clock);
  const host = new Host({ store, clock, random, matching, machines: options.machines ?? [toyMachine], limits: { ...options.limits }, couriers: options.couriers ?? [], ...(options.logger && { logger: options.logger }), verify: true });
  return {
    clock,
    matching,
    host,
    store,
    send: (key, input, machine) => host.send(toy(key, machine), input),
    toy: (key, machine) => host.read<Toy, Toy>(toy(key, machine), (state) => structuredClone(state as Toy)),
    [Symbol.asyncDispose]: () => host.close(),
  };
}
