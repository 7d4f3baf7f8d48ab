/**
 * What operators have set for task queues, in memory: matching dispatches by it, and describe shows it.
 *
 * Authoritative are the task-queue machines; this is a copy of all of them, loaded at start before anything is dispatched, and kept up
 * to date by the only writer, the frontend of the same engine. Bounded by the limit of configured queues of each namespace.
 */
import type { Host } from '../host/host.js';
import { TASK_QUEUE_KIND, taskQueueKey, type ConfiguredQueue, type TaskQueueChanges, type TaskQueueInput, type TaskQueueType } from '../machines/task-queue/inputs.js';
import type { TaskQueueAddress } from '../machines/machine.js';
import type { Matching } from '../matching/matching.js';
import { Code, RpcError, type TaskQueueConfig } from '../protocol/index.js';
import { everyMachine } from './every-machine.js';
import type { NamespaceLimits } from './request-limits.js';

interface ConfigurableQueue extends TaskQueueAddress {
  readonly type: TaskQueueType;
}

export class TaskQueueSettings {
  readonly #host: Pick<Host, 'machines' | 'read' | 'send'>;
  readonly #matching: Pick<Matching, 'configure'>;
  /** By namespace id, then by the key of the machine. */
  readonly #configured = new Map<string, Map<string, ConfiguredQueue>>();

  constructor(host: Pick<Host, 'machines' | 'read' | 'send'>, matching: Pick<Matching, 'configure'>) {
    this.#host = host;
    this.#matching = matching;
  }

  /** Called once, before the first task is dispatched. @param namespaceIds of all namespaces */
  async load(namespaceIds: readonly string[]): Promise<void> {
    for (const namespace of namespaceIds) {
      for await (const { key } of everyMachine(this.#host, { kind: TASK_QUEUE_KIND, namespace })) {
        const queue = await this.#host.read({ kind: TASK_QUEUE_KIND, namespace, key }, (state: ConfiguredQueue | undefined) => state);
        if (queue !== undefined) this.#keep({ namespace, name: queue.name, type: queue.type }, queue.config);
      }
    }
  }

  /** Undefined: nobody has set anything. */
  get({ namespace, name, type }: TaskQueueAddress): TaskQueueConfig | undefined {
    return type === 'nexus' ? undefined : this.#configured.get(namespace)?.get(taskQueueKey(namespace, name, type).key)?.config;
  }

  /** Of a namespace, in no order. */
  *list(namespace: string): Generator<ConfiguredQueue, void, undefined> {
    yield* this.#configured.get(namespace)?.values() ?? [];
  }

  /**
   * Resolves with the configuration as it is afterwards, once it is durable and in force.
   * @throws RpcError INVALID_ARGUMENT too many weights; RESOURCE_EXHAUSTED too many queues of the namespace are configured
   */
  async update(address: ConfigurableQueue, changes: TaskQueueChanges, identity: string, limits: NamespaceLimits): Promise<TaskQueueConfig> {
    if (this.get(address) === undefined && (this.#configured.get(address.namespace)?.size ?? 0) >= limits.configuredTaskQueues) {
      throw new RpcError(Code.RESOURCE_EXHAUSTED, `${limits.configuredTaskQueues} task queues of this namespace are configured, which is the limit.`);
    }
    const input: TaskQueueInput = { type: 'update', changes, identity, mostWeights: limits.fairnessWeightOverrides };
    const key = taskQueueKey(address.namespace, address.name, address.type);
    await this.#host.send<TaskQueueConfig>(key, input);
    // Two updates may be answered out of order: what holds is read from the machine.
    const queue = await this.#host.read(key, (state: ConfiguredQueue | undefined) => state);
    if (queue === undefined) throw new RpcError(Code.NOT_FOUND, `The configuration of task queue ${address.name} was deleted meanwhile.`);
    this.#keep(address, queue.config);
    return queue.config;
  }

  /** The namespace is deleted: nobody asks any more what was set there. */
  forget(namespace: string): void {
    for (const { name, type } of this.list(namespace)) this.#matching.configure({ namespace, name, type }, undefined);
    this.#configured.delete(namespace);
  }

  #keep(address: ConfigurableQueue, config: TaskQueueConfig): void {
    const { namespace, name, type } = address;
    const ofNamespace = this.#configured.get(namespace) ?? new Map<string, ConfiguredQueue>();
    this.#configured.set(namespace, ofNamespace.set(taskQueueKey(namespace, name, type).key, { name, type, config }));
    this.#matching.configure(address, {
      tasksPerSecond: config.queueRateLimit?.rateLimit?.requestsPerSecond,
      keyTasksPerSecond: config.fairnessKeysRateLimitDefault?.rateLimit?.requestsPerSecond,
      keyWeights: config.fairnessWeightOverrides,
    });
  }
}
