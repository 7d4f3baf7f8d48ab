/** The service of the simulation, as workflows and handlers share it. */
import { operation, service } from 'nexus-rpc';

export interface Call {
  /** Names the operation: another one has another name. */
  readonly call: string;
  /** So often the handler is not ready. */
  readonly failures?: number;
}

export interface Behind extends Call {
  /** Of the workflow that stands behind the operation. */
  readonly workflowId: string;
  readonly how: 'succeed' | 'fail' | 'wait';
}

export interface Asked extends Call {
  /** Of the workflow that answers. */
  readonly workflowId: string;
}

export const desk = service('desk', {
  /** Answered at once. */
  quote: operation<Call, string>(),
  /** Fails at once. */
  refuse: operation<Call, string>(),
  /** A workflow stands behind it. */
  charge: operation<Behind, string>(),
  /** An update of a workflow that runs stands behind it. */
  approve: operation<Asked, string>(),
  /** Ends when somebody calls back, if ever. */
  byHand: operation<Call, string>(),
});
