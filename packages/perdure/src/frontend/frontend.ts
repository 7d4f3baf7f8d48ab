/**
 * The frontend: one handler for each RPC, grouped by area.
 *
 * A handler checks the request, finds the namespace, sends one input to a machine through the host (or meets matching), and turns the
 * reply into the response. It decides nothing about executions and keeps nothing that must survive. A method that has no handler here is
 * answered UNIMPLEMENTED by the doors.
 */
import { Code, RpcError, type Init, type Method } from '../protocol/index.js';
import type { Clock, Logger } from '../ports/index.js';
import { Router, type CallContext, type Handler } from '../transport/transport.js';
import type { CallMeters } from '../metrics/call-meters.js';
import { Admission, callKind } from './admission.js';
import { addActivityExecutionOperationHandlers } from './activity-execution-operations.js';
import { addActivityOperationHandlers } from './activity-operations.js';
import { addActivityTaskHandlers } from './activity-tasks.js';
import { addBatchHandlers } from './batch.js';
import { addHistoryHandlers } from './history.js';
import { addDeletionHandlers } from './deletion.js';
import { addDeploymentHandlers } from './deployments.js';
import { addNamespaceHandlers } from './namespaces.js';
import { addNexusEndpointHandlers } from './nexus/endpoints.js';
import { addOperatorHandlers } from './operator.js';
import { addQueryHandlers } from './queries.js';
import { addResetHandlers } from './reset.js';
import type { Rooms } from './rooms.js';
import { addScheduleListHandlers } from './schedule-list.js';
import { addScheduleHandlers } from './schedules.js';
import { addStandaloneActivityHandlers } from './standalone-activities.js';
import { addStandaloneListHandlers } from './standalone-list.js';
import { addSystemHandlers } from './system.js';
import { addTaskQueueHandlers } from './task-queues.js';
import { addTaskQueueListHandlers } from './task-queue-list.js';
import { addUpdateHandlers } from './updates.js';
import { addVisibilityHandlers } from './visibility.js';
import { addWorkerHandlers } from './workers.js';
import { addWorkflowTaskHandlers } from './workflow-tasks.js';
import { addSearchAttributeHandlers } from './search-attributes.js';
import { addWorkflowOptionsHandlers } from './workflow-options.js';
import { addWorkflowPauseHandlers } from './workflow-pause.js';
import { addWorkflowHandlers } from './workflow.js';

export function createRouter(rooms: Rooms): Router {
  const router = new GuardedRouter(rooms, new Admission(rooms.clock, rooms.namespaces, rooms.namespaces.serverLimits));
  addSystemHandlers(router, rooms);
  addNamespaceHandlers(router, rooms);
  addOperatorHandlers(router, rooms);
  addNexusEndpointHandlers(router, rooms);
  addWorkflowHandlers(router, rooms);
  addWorkflowOptionsHandlers(router, rooms);
  addWorkflowPauseHandlers(router, rooms);
  addSearchAttributeHandlers(router, rooms);
  addHistoryHandlers(router, rooms);
  addResetHandlers(router, rooms);
  addDeletionHandlers(router, rooms);
  addWorkflowTaskHandlers(router, rooms);
  addActivityTaskHandlers(router, rooms);
  addActivityOperationHandlers(router, rooms);
  addActivityExecutionOperationHandlers(router, rooms);
  addStandaloneActivityHandlers(router, rooms);
  addStandaloneListHandlers(router, rooms);
  addQueryHandlers(router, rooms);
  addUpdateHandlers(router, rooms);
  addScheduleHandlers(router, rooms);
  addScheduleListHandlers(router, rooms);
  addVisibilityHandlers(router, rooms);
  addBatchHandlers(router, rooms);
  addTaskQueueHandlers(router, rooms);
  addTaskQueueListHandlers(router, rooms);
  addDeploymentHandlers(router, rooms);
  addWorkerHandlers(router, rooms);
  return router;
}

/** Admits calls, and sees to it that callers see {@link RpcError} and nothing else. What is not one is a bug: its text may hold anything, so only the log gets it. */
class GuardedRouter extends Router {
  readonly #logger: Logger;
  readonly #admission: Admission;
  readonly #calls: CallMeters;
  readonly #clock: Clock;

  constructor({ logger, calls, clock }: Rooms, admission: Admission) {
    super();
    this.#logger = logger;
    this.#calls = calls;
    this.#clock = clock;
    this.#admission = admission;
  }

  override add<Request, Response>(method: Method<Request, Response>, handler: Handler<Request, Response>): this {
    const kind = callKind(method.path);
    const meter = this.#calls.of(method.name);
    return super.add(method, async (request: Request, context: CallContext): Promise<Init<Response>> => {
      const startedAt = this.#clock.monotonic();
      meter.inFlight += 1;
      let leave: (() => void) | undefined;
      let code: Code = Code.OK;
      try {
        leave = this.#admission.enter(kind, request);
        return await handler(request, context);
      } catch (error) {
        code = error instanceof RpcError ? error.code : Code.INTERNAL;
        if (error instanceof RpcError) throw error;
        this.#logger.error('A request failed because of a bug in the server.', { method: method.name, error });
        throw new RpcError(Code.INTERNAL, `${method.name} failed because of a bug in the server. Its log has the details.`, [], { cause: error });
      } finally {
        leave?.();
        meter.end(code, this.#clock.monotonic() - startedAt);
      }
    });
  }
}
