/**
 * The list of task queues, beyond the public API: what is in use in a namespace, or was so a moment ago, or is configured.
 *
 * Task queues exist by being used, so this is what matching remembers, together with what operators have set. A queue on which nothing
 * happened for a while, or since the server was started, is not in it unless it is configured.
 */
import { EMPTY, PerdureService, TaskQueueType, type Init, type TaskQueueListEntry, type TaskQueueTypeEntry } from '../protocol/index.js';
import type { TaskQueueAddress } from '../machines/machine.js';
import type { Router } from '../transport/transport.js';
import type { Rooms } from './rooms.js';
import { pageSize } from './validation.js';

const DEFAULT_PAGE = 100;

export function addTaskQueueListHandlers(router: Router, rooms: Rooms): void {
  router.add(PerdureService.ListTaskQueues, (request) => {
    const namespace = rooms.namespaces.get(request.namespace);
    const limit = pageSize(request.pageSize, DEFAULT_PAGE, namespace.limits);
    // The token is the last name of the page before: queues may come and go between two pages.
    const after = Buffer.from(request.nextPageToken).toString();
    const byName = new Map<string, Map<TaskQueueAddress['type'], TaskQueueAddress>>();
    for (const address of known(rooms, namespace.id)) {
      if (address.name <= after && after !== '') continue;
      const types = byName.get(address.name) ?? new Map<TaskQueueAddress['type'], TaskQueueAddress>();
      byName.set(address.name, types.set(address.type, address));
    }
    const names = [...byName.keys()].sort();
    const page = names.slice(0, limit);
    return {
      taskQueues: page.map((name) => entry(rooms, name, [...(byName.get(name)?.values() ?? [])])),
      nextPageToken: names.length > limit ? Buffer.from(page.at(-1) ?? '') : EMPTY,
    };
  });
}

function* known({ matching, taskQueues }: Rooms, namespace: string): Generator<TaskQueueAddress, void, undefined> {
  yield* matching.queues(namespace);
  for (const { name, type } of taskQueues.list(namespace)) yield { namespace, name, type };
}

function entry(rooms: Rooms, name: string, addresses: readonly TaskQueueAddress[]): Init<TaskQueueListEntry> {
  return { name, types: addresses.map((address) => typeEntry(rooms, address)).sort((one, other) => one.type - other.type) };
}

const TYPES = { workflow: TaskQueueType.WORKFLOW, activity: TaskQueueType.ACTIVITY, nexus: TaskQueueType.NEXUS } as const;

function typeEntry({ matching, taskQueues, clock }: Rooms, address: TaskQueueAddress): Init<TaskQueueTypeEntry> & { readonly type: TaskQueueType } {
  const { pollers, readyTasks, oldestTaskSince } = matching.describeAll(address);
  return {
    type: TYPES[address.type],
    pollers: pollers.length,
    approximateBacklogCount: readyTasks,
    approximateBacklogAgeMs: oldestTaskSince === undefined ? 0 : Math.max(0, clock.now() - oldestTaskSince),
    isConfigured: taskQueues.get(address) !== undefined,
  };
}
