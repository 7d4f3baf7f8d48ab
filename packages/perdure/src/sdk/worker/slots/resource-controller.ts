/**
 * Measures how busy the machine and this process are, and says whether there is room for one more task.
 *
 * Memory is what is used of the machine's (or of the container's limit), or of the JavaScript heap if that is fuller: a heap at its limit
 * ends the process however much memory the machine has. CPU is the share of all processors, or of the time of this thread if that is
 * busier: one thread that computes all the time is a busy worker on any number of processors.
 */
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { ValueError } from '../../common/index.js';

export interface ResourceBasedTunerOptions {
  /** The share of memory, 0 to 1, above which no further slots are given out. Leave room: 0.8 is a good start. */
  readonly targetMemoryUsage: number;
  /** The share of processor time, 0 to 1, above which no further slots are given out. 0.9 is a good start. */
  readonly targetCpuUsage: number;
}

/** Shares, 0 to 1. */
export interface ResourceUsage {
  readonly memory: number;
  readonly cpu: number;
}

/** A sample costs some microseconds and means little over a shorter time. */
const SAMPLE_EVERY_MS = 100;
/** How much of the CPU usage shown is the latest sample: one busy moment is no load. */
const WEIGHT_OF_SAMPLE = 0.3;

/**
 * Gives out slots of several workers of a process by one target for CPU and memory.
 *
 * @example const controller = ResourceBasedController.create({ targetMemoryUsage: 0.8, targetCpuUsage: 0.9 });
 */
export class ResourceBasedController {
  readonly #target: ResourceBasedTunerOptions;
  readonly #measure: () => ResourceUsage;
  #usage: ResourceUsage = { memory: 0, cpu: 0 };
  #sampledAt = -Infinity;

  private constructor(target: ResourceBasedTunerOptions, measure: () => ResourceUsage) {
    this.#target = target;
    this.#measure = measure;
  }

  /** @throws ValueError when a target is no share above 0 and up to 1. */
  static create(options: ResourceBasedTunerOptions): ResourceBasedController {
    return ResourceBasedController.measuring(options, systemUsage());
  }

  /** @internal With another way to measure. */
  static measuring(options: ResourceBasedTunerOptions, measure: () => ResourceUsage): ResourceBasedController {
    for (const name of ['targetMemoryUsage', 'targetCpuUsage'] as const) {
      if (!(options[name] > 0 && options[name] <= 1)) throw new ValueError(`${name} must be above 0 and at most 1, got ${options[name]}`);
    }
    return new ResourceBasedController(options, measure);
  }

  /** @internal @param nowMs on a monotonic clock */
  hasRoom(nowMs: number): boolean {
    if (nowMs - this.#sampledAt >= SAMPLE_EVERY_MS) {
      const { memory, cpu } = this.#measure();
      const first = this.#sampledAt === -Infinity;
      this.#usage = { memory, cpu: first ? cpu : this.#usage.cpu * (1 - WEIGHT_OF_SAMPLE) + cpu * WEIGHT_OF_SAMPLE };
      this.#sampledAt = nowMs;
    }
    return this.#usage.memory < this.#target.targetMemoryUsage && this.#usage.cpu < this.#target.targetCpuUsage;
  }
}

/** What {@link ResourceBasedController} measures: CPU since the call before. */
export function systemUsage(): () => ResourceUsage {
  let before = processorTimes();
  let loop = performance.eventLoopUtilization();
  return () => {
    const now = processorTimes();
    const total = now.total - before.total;
    const machine = total > 0 ? (now.busy - before.busy) / total : 0;
    before = now;
    const thread = performance.eventLoopUtilization(loop).utilization;
    loop = performance.eventLoopUtilization();
    return { memory: Math.max(memoryShare(), heapShare()), cpu: Math.max(machine, thread) };
  };
}

function processorTimes(): { readonly busy: number; readonly total: number } {
  let busy = 0;
  let idle = 0;
  for (const { times } of cpus()) {
    busy += times.user + times.nice + times.sys + times.irq;
    idle += times.idle;
  }
  // Where processors are not shown, all of them count as idle.
  return { busy, total: busy + idle || availableParallelism() };
}

function memoryShare(): number {
  const limit = process.constrainedMemory() ?? 0;
  // Without a container's limit the platform shows 0 or more than there is.
  if (limit > 0 && limit < totalmem()) return process.memoryUsage.rss() / limit;
  return 1 - freemem() / totalmem();
}

function heapShare(): number {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  return used / limit;
}
