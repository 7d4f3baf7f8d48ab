/**
 * The frontend: one handler for each RPC, grouped by area.
 *
 * A handler checks the request, finds the namespace, sends one input to a machine through the host (or meets matching), and turns the
 * reply into the response. It decides nothing about executions and keeps nothing that must survive. A method that has no handler here is
 * answered UNIMPLEMENTED by the doors.
 */
import { Code, RpcError, type Init, type Method } from '../protocol/index.js';
import type { Logger } from '../ports/index.js';
import { Router, type CallContext, type Handler } from '../transport/transport.js';
import { addActivityTaskHandlers } from './activity-tasks.js';
import { addHistoryHandlers } from './history.js';
import { addNamespaceHandlers } from './namespaces.js';
import { addQueryHandlers } from './queries.js';
import type { Rooms } from './rooms.js';
import { addSystemHandlers } from './system.js';
import { addWorkerHandlers } from './workers.js';
import { addWorkflowTaskHandlers } from './workflow-tasks.js';
import { addWorkflowHandlers } from './workflow.js';

export function createRouter(rooms: Rooms): Router {
  const router = new GuardedRouter(rooms.logger);
  addSystemHandlers(router, rooms);
  addNamespaceHandlers(router, rooms);
  addWorkflowHandlers(router, rooms);
  addHistoryHandlers(router, rooms);
  addWorkflowTaskHandlers(router, rooms);
  addActivityTaskHandlers(router, rooms);
  addQueryHandlers(router, rooms);
  addWorkerHandlers(router, rooms);
  return router;
}

/** Callers see {@link RpcError} and nothing else. What is not one is a bug: its text may hold anything, so only the log gets it. */
class GuardedRouter extends Router {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    super();
    this.#logger = logger;
  }

  override add<Request, Response>(method: Method<Request, Response>, handler: Handler<Request, Response>): this {
    return super.add(method, async (request: Request, context: CallContext): Promise<Init<Response>> => {
      try {
        return await handler(request, context);
      } catch (error) {
        if (error instanceof RpcError) throw error;
        this.#logger.error('A request failed because of a bug in the server.', { method: method.name, error });
        throw new RpcError(Code.INTERNAL, `${method.name} failed because of a bug in the server. Its log has the details.`, [], { cause: error });
      }
    });
  }
}
