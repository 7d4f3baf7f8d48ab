/**
 * `WorkerOptions.tuner`: how many tasks of each kind run at the same time. The names and shapes are those of Temporal's SDK.
 *
 * A tuner names one supplier of slots for each kind of task: a fixed number, as many as the machine has room for, or one of the user's.
 * `compileTuner` checks it and fills in defaults when a worker's options are compiled; `openSlots` makes the slots of one worker.
 */
import { msToNumber, ValueError, type Duration, type Logger } from '../../common/index.js';
import type { WorkerTime } from '../../common/worker-time.js';
import type { WorkerCode } from '../deployment.js';
import { CustomSlots } from './custom-slots.js';
import { ResourceBasedController, type ResourceBasedTunerOptions } from './resource-controller.js';
import { ResourceSlots } from './resource-slots.js';
import { FixedSlots, type SlotSource } from './slots.js';

/** A fixed number of slots. */
export interface FixedSizeSlotSupplier {
  readonly type: 'fixed-size';
  readonly numSlots: number;
}

export interface ResourceBasedSlotOptions {
  /** Slots that are given out however busy the machine is. Default: 2 for workflow tasks, 1 for activities. */
  readonly minimumSlots?: number;
  /** Default: 1,000 for workflow tasks, 2,000 for activities. */
  readonly maximumSlots?: number;
  /** The shortest time between two slots beyond the minimum. Default: 10 ms for workflow tasks, 50 ms for activities. */
  readonly rampThrottle?: Duration;
}

/** The target for CPU and memory: of its own, or shared with other workers of the process. */
export type ResourceBasedTunerConfig =
  | { readonly tunerOptions: ResourceBasedTunerOptions; readonly controller?: never }
  | { readonly controller: ResourceBasedController; readonly tunerOptions?: never };

/** Slots while CPU and memory are below their targets. */
export type ResourceBasedSlotsForType = ResourceBasedSlotOptions & ResourceBasedTunerConfig & { readonly type: 'resource-based' };

/** All kinds of tasks while CPU and memory are below their targets. */
export type ResourceBasedTuner = ResourceBasedTunerConfig & {
  readonly workflowTaskSlotOptions?: ResourceBasedSlotOptions;
  readonly activityTaskSlotOptions?: ResourceBasedSlotOptions;
  readonly localActivityTaskSlotOptions?: ResourceBasedSlotOptions;
  readonly nexusTaskSlotOptions?: ResourceBasedSlotOptions;
};

export interface WorkflowSlotInfo {
  readonly type: 'workflow';
  readonly workflowType: string;
  readonly isSticky: boolean;
}

export interface ActivitySlotInfo {
  readonly type: 'activity';
  readonly activityType: string;
}

export interface LocalActivitySlotInfo {
  readonly type: 'local-activity';
  readonly activityType: string;
}

export interface NexusSlotInfo {
  readonly type: 'nexus';
  readonly service: string;
  readonly operation: string;
}

export type SlotInfo = WorkflowSlotInfo | ActivitySlotInfo | LocalActivitySlotInfo | NexusSlotInfo;

/** What a custom supplier gives for a slot: an object of its own, given back with the slot. */
// oxlint-disable-next-line typescript/no-empty-object-type
export interface SlotPermit {}

export interface SlotReserveContext {
  readonly slotType: SlotInfo['type'];
  readonly taskQueue: string;
  readonly workerIdentity: string;
  /** Empty if the worker has none. */
  readonly workerBuildId: string;
  readonly workerDeploymentVersion?: { readonly buildId: string; readonly deploymentName: string };
  /** For a poll of the sticky queue. */
  readonly isSticky: boolean;
}

export interface SlotMarkUsedContext<Info> {
  readonly slotInfo: Info;
  readonly permit: SlotPermit;
}

export interface SlotReleaseContext<Info> {
  /** Absent: no task came for the slot. */
  readonly slotInfo?: Info;
  readonly permit: SlotPermit;
}

/** Slots by code of the user's. */
export interface CustomSlotSupplier<Info> {
  readonly type: 'custom';
  /** Called before each poll: resolves when there is a slot. If the signal is aborted, clean up and reject with an AbortError; other errors are logged, and it is asked again a second later. */
  reserveSlot(context: SlotReserveContext, abortSignal: AbortSignal): Promise<SlotPermit>;
  /** A slot for an eager activity, or for one more poll under load, if there is one now; else null. */
  tryReserveSlot(context: SlotReserveContext): SlotPermit | null;
  /** A task takes the slot. Must not block. */
  markSlotUsed(context: SlotMarkUsedContext<Info>): void;
  /** The slot is free again, after a task or without one. Must not block. */
  releaseSlot(context: SlotReleaseContext<Info>): void;
}

export type SlotSupplier<Info> = FixedSizeSlotSupplier | ResourceBasedSlotsForType | CustomSlotSupplier<Info>;

/** A supplier for each kind of task. */
export interface TunerHolder {
  readonly workflowTaskSlotSupplier: SlotSupplier<WorkflowSlotInfo>;
  readonly activityTaskSlotSupplier: SlotSupplier<ActivitySlotInfo>;
  readonly localActivityTaskSlotSupplier: SlotSupplier<LocalActivitySlotInfo>;
  /** Default: a fixed number of 100. */
  readonly nexusTaskSlotSupplier?: SlotSupplier<NexusSlotInfo>;
}

export type WorkerTuner = TunerHolder | ResourceBasedTuner;

/** A supplier, checked. */
type CompiledSupplier<Info> =
  | FixedSizeSlotSupplier
  | CustomSlotSupplier<Info>
  | { readonly type: 'resource-based'; readonly minimumSlots: number; readonly maximumSlots: number; readonly rampThrottleMs: number; readonly controller: ResourceBasedController };

export interface CompiledTuner {
  readonly workflow: CompiledSupplier<WorkflowSlotInfo>;
  readonly activity: CompiledSupplier<ActivitySlotInfo>;
  readonly localActivity: CompiledSupplier<LocalActivitySlotInfo>;
  readonly nexus: CompiledSupplier<NexusSlotInfo>;
}

const DEFAULT_NEXUS_SLOTS: FixedSizeSlotSupplier = { type: 'fixed-size', numSlots: 100 };

const RESOURCE_DEFAULTS = {
  workflow: { minimumSlots: 2, maximumSlots: 1_000, rampThrottle: '10ms' },
  activity: { minimumSlots: 1, maximumSlots: 2_000, rampThrottle: '50ms' },
} as const;

/** @throws ValueError that says which number of which supplier is wrong. */
export function compileTuner(tuner: WorkerTuner): CompiledTuner {
  const holder = 'workflowTaskSlotSupplier' in tuner ? tuner : holderOf(tuner);
  return {
    workflow: compileSupplier('workflowTaskSlotSupplier', holder.workflowTaskSlotSupplier, RESOURCE_DEFAULTS.workflow),
    activity: compileSupplier('activityTaskSlotSupplier', holder.activityTaskSlotSupplier, RESOURCE_DEFAULTS.activity),
    localActivity: compileSupplier('localActivityTaskSlotSupplier', holder.localActivityTaskSlotSupplier, RESOURCE_DEFAULTS.activity),
    nexus: compileSupplier('nexusTaskSlotSupplier', holder.nexusTaskSlotSupplier ?? DEFAULT_NEXUS_SLOTS, RESOURCE_DEFAULTS.activity),
  };
}

/** How many slots there can be; Infinity if nobody knows. */
export function mostSlots(supplier: CompiledSupplier<unknown>): number {
  switch (supplier.type) {
    case 'fixed-size':
      return supplier.numSlots;
    case 'resource-based':
      return supplier.maximumSlots;
    case 'custom':
      return Infinity;
  }
}

/** What the slots of one worker belong to. */
export interface SlotsOwner {
  readonly context: SlotReserveContext;
  readonly logger: Logger;
  readonly time: WorkerTime;
}

/** For the supplier: whose slots they are. */
export function slotContext(worker: { readonly taskQueue: string; readonly identity: string; readonly code: WorkerCode }, slotType: SlotInfo['type']): SlotReserveContext {
  const { buildId, deployment } = worker.code;
  return { slotType, taskQueue: worker.taskQueue, workerIdentity: worker.identity, workerBuildId: buildId, ...(deployment && { workerDeploymentVersion: deployment }), isSticky: false };
}

export function openWorkflowSlots(supplier: CompiledTuner['workflow'], owner: SlotsOwner): SlotSource {
  return openSlots(supplier, owner, (workflowType, isSticky) => ({ type: 'workflow', workflowType, isSticky }));
}

export function openActivitySlots(supplier: CompiledTuner['activity'], owner: SlotsOwner): SlotSource {
  return openSlots(supplier, owner, (activityType) => ({ type: 'activity', activityType }));
}

export function openLocalActivitySlots(supplier: CompiledTuner['localActivity'], owner: SlotsOwner): SlotSource {
  return openSlots(supplier, owner, (activityType) => ({ type: 'local-activity', activityType }));
}

export function openNexusSlots(supplier: CompiledTuner['nexus'], owner: SlotsOwner): SlotSource {
  return openSlots(supplier, owner, (service, _isSticky, operation) => ({ type: 'nexus', service, operation }));
}

function openSlots<Info extends SlotInfo>(supplier: CompiledSupplier<Info>, { context, logger, time }: SlotsOwner, infoOf: (taskType: string, isSticky: boolean, operation: string) => Info): SlotSource {
  switch (supplier.type) {
    case 'fixed-size':
      return new FixedSlots(supplier.numSlots);
    case 'resource-based':
      return new ResourceSlots(supplier, supplier.controller, time);
    case 'custom':
      return new CustomSlots(supplier, context, infoOf, logger, time);
  }
}

function holderOf(tuner: ResourceBasedTuner): TunerHolder {
  // One controller: the kinds of tasks share the machine.
  const controller = controllerOf(tuner);
  return {
    workflowTaskSlotSupplier: { type: 'resource-based', ...tuner.workflowTaskSlotOptions, controller },
    activityTaskSlotSupplier: { type: 'resource-based', ...tuner.activityTaskSlotOptions, controller },
    localActivityTaskSlotSupplier: { type: 'resource-based', ...tuner.localActivityTaskSlotOptions, controller },
    nexusTaskSlotSupplier: { type: 'resource-based', ...tuner.nexusTaskSlotOptions, controller },
  };
}

function controllerOf({ controller, tunerOptions }: ResourceBasedTunerConfig): ResourceBasedController {
  return controller ?? ResourceBasedController.create(tunerOptions);
}

function compileSupplier<Info>(name: string, supplier: SlotSupplier<Info>, defaults: Required<ResourceBasedSlotOptions>): CompiledSupplier<Info> {
  if (supplier.type === 'custom') return supplier;
  const least = name === 'workflowTaskSlotSupplier' ? 2 : 1;
  if (supplier.type === 'fixed-size') {
    if (!Number.isInteger(supplier.numSlots) || supplier.numSlots < least) throw new ValueError(`${name}.numSlots must be an integer of at least ${least}, got ${supplier.numSlots}`);
    return supplier;
  }
  const { minimumSlots = defaults.minimumSlots, maximumSlots = defaults.maximumSlots, rampThrottle = defaults.rampThrottle } = supplier;
  if (!Number.isInteger(minimumSlots) || minimumSlots < least) throw new ValueError(`${name}.minimumSlots must be an integer of at least ${least}, got ${minimumSlots}`);
  if (!Number.isInteger(maximumSlots) || maximumSlots < minimumSlots) throw new ValueError(`${name}.maximumSlots must be an integer of at least minimumSlots (${minimumSlots}), got ${maximumSlots}`);
  return { type: 'resource-based', minimumSlots, maximumSlots, rampThrottleMs: msToNumber(rampThrottle), controller: controllerOf(supplier) };
}
