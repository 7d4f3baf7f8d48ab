/** What a user says about a simulation, and what a simulation says about a run. */
import type { Random } from '../ports/index.js';
import type { HistoryEvent } from '../protocol/index.js';
import type { Client, WorkflowHandle, WorkflowStartOptions } from '../sdk/client/index.js';
import type { DataConverter, Duration, Logger, Workflow, WorkflowResultType } from '../sdk/common/index.js';
import type { WorkflowBundle } from '../sdk/sandbox/bundle.js';
import type { WorkerInterceptors } from '../sdk/worker/interceptors.js';
import type { InjectedSinks } from '../sdk/worker/sinks.js';
import type { Sinks } from '../sdk/workflow/sinks.js';
import type { SearchAttributeTypeName } from '../server/index.js';
import type { Mocks } from '../testing/mocks.js';
import type { Fault, FaultKind } from './faults.js';

/** One seed, before anything happens in it. */
export interface SimulatedSeed {
  readonly seed: number;
  /** Mocks of activities and child workflows, as in a test environment; of this seed only. */
  readonly mock: Mocks;
  /** For choices of one's own that belong to the seed. */
  readonly random: Pick<Random, 'next'>;
}

/** Something that a client does to the workflow at a time that chance chooses. */
export interface SimulatedMessage<W extends Workflow, State> {
  /** For reports. Default: its number. */
  readonly name?: string;
  /** A signal, an update, a query, a cancellation, with `client` also other workflows and schedules: whatever a client can do. The run goes on until it has ended. */
  readonly send: (handle: WorkflowHandle<W>, state: State, client: Client) => Promise<unknown>;
  /** The latest time at which it is sent, from the start. Default: 1 minute. */
  readonly within?: Duration;
  /** It may be left out, by chance. Default: false. */
  readonly optional?: boolean;
}

/** A task queue beside that of the workflow. */
export interface SimulatedTaskQueue<State> {
  /** Activities of this queue that are not mocked. Default: those of the simulation. */
  readonly activities?: object | ((state: State) => object);
  /** Default: 1. */
  readonly workers?: number;
}

/** When a message of a run is sent. */
export interface Delivery {
  /** Its place in `messages`. */
  readonly message: number;
  readonly atMs: number;
}

/** How a message ended. Absent while it is under way. */
export type MessageOutcome = { readonly message: number; readonly value: unknown } | { readonly message: number; readonly error: unknown };

/** A run as its invariants see it, at any time. */
export interface SimulatedView<State> {
  readonly seed: number;
  /** What `setup` gave. */
  readonly state: State;
  /** Simulated time since the start, in milliseconds, as no one sets it back. */
  readonly nowMs: number;
  /** Events of the workflow's latest run that are durable. Decoded when asked for. */
  events(): readonly HistoryEvent[];
  /** Of messages that have ended, in the order of their end. */
  readonly messages: readonly MessageOutcome[];
}

/** A run at its end. */
export interface SimulatedEnd<W extends Workflow, State> extends SimulatedView<State> {
  /** What the workflow returned; `undefined` if it did not. */
  readonly result: WorkflowResultType<W> | undefined;
  /** What `handle.result()` rejected with; `undefined` if the workflow completed. */
  readonly error: unknown;
}

export interface SimulationOptions<W extends Workflow, State = undefined> {
  /** The file whose exports are the workflows. Bundled once. Either this or `workflowBundle`. */
  readonly workflowsPath?: string;
  readonly workflowBundle?: WorkflowBundle;
  readonly args?: Parameters<W>;
  /** Further options of the start: timeouts, retry policy, memo. */
  readonly start?: Partial<Omit<WorkflowStartOptions<W>, 'args' | 'taskQueue'>>;
  readonly dataConverter?: DataConverter;
  /** Called first for each seed: mocks, and fakes of the outside world. What it gives is the state of this seed. */
  readonly setup?: (seed: SimulatedSeed) => State | Promise<State>;
  /** Activities that are not mocked, as the worker takes them, or made of the state of the seed. */
  readonly activities?: object | ((state: State) => object);
  /** The task queue of the workflow. Default: `simulated`. */
  readonly taskQueue?: string;
  /** Further task queues by name, as the options of workflow code name them. Their workers have the same workflows. */
  readonly taskQueues?: Readonly<Record<string, SimulatedTaskQueue<State>>>;
  /** What workflow code calls through `proxySinks`, or that made of the state of the seed. */
  readonly sinks?: InjectedSinks<Sinks> | ((state: State) => InjectedSinks<Sinks>);
  /** Of the workers: around activities, and modules that are bundled with the workflows. */
  readonly interceptors?: WorkerInterceptors;
  /** Custom search attributes of the namespace, with their types. */
  readonly searchAttributes?: Readonly<Record<string, SearchAttributeTypeName>>;
  readonly messages?: readonly SimulatedMessage<W, State>[];
  /** Must hold whenever something has become durable; throws if it does not. Called often, so it should be quick. */
  readonly always?: (view: SimulatedView<State>) => void;
  /** Must hold at the end; throws if it does not. */
  readonly finally?: (end: SimulatedEnd<W, State>) => void | Promise<void>;

  /** How many seeds to play. Default: 100. */
  readonly seeds?: number;
  /** The first of them. Default: 1. */
  readonly firstSeed?: number;
  /** Play this one only. */
  readonly seed?: number;
  /** Exactly these faults, in place of those that chance brings. For `seed`. */
  readonly faults?: readonly Fault[];
  /** Exactly these messages. For `seed`. */
  readonly deliveries?: readonly Delivery[];
  /** Which kinds of faults may come. Default: all. */
  readonly faultKinds?: readonly FaultKind[];
  /** Faults in one run, at most. Default: 8. */
  readonly mostFaults?: number;
  /** Workers that share the workflow's task queue. Default: 2. */
  readonly workers?: number;
  /** Simulated time within which the workflow must close. Default: 366 days. */
  readonly endsWithin?: Duration;
  /** The workflow may wait for ever for something that does not come. Default: false: that is a failure. */
  readonly mayStayOpen?: boolean;
  /** What workers and workflows log. Default: nothing. */
  readonly workerLogger?: Logger;
}

export interface SimulationReport {
  readonly seeds: number;
  /** Faults that struck, by kind. */
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  readonly commits: number;
  /** Equal for two simulations only if they were the same, to the byte. */
  readonly fingerprint: string;
}
