/** A unary RPC as a value: what a transport needs in order to call it and a door in order to serve it. */
import type { Codec } from './codec.js';

export interface Method<Request, Response> {
  /** For example `StartWorkflowExecution`. */
  readonly name: string;
  /** For example `/temporal.api.workflowservice.v1.WorkflowService/StartWorkflowExecution`. */
  readonly path: string;
  readonly request: Codec<Request>;
  readonly response: Codec<Response>;
}

export function method<Request, Response>(
  service: string,
  name: string,
  request: Codec<Request>,
  response: Codec<Response>,
): Method<Request, Response> {
  return { name, path: `/${service}/${name}`, request, response };
}
