/**
 * Counts the runs that are pinned to a version of a worker deployment, for the deployment that wants to know whether the version is drained:
 * the courier of such questions.
 */
import type { Courier, Host } from '../host/host.js';
import { PINNED_RUNS_KIND, type PinnedRunsRequest } from '../machines/deployment/index.js';
import { WORKFLOW_KIND } from '../machines/workflow/index.js';
import { Code, RpcError, WorkflowExecutionStatus } from '../protocol/index.js';
import type { Condition } from '../visibility/condition.js';
import { totalOf } from './list-page.js';

export class PinnedRunsCourier implements Courier {
  readonly kind = PINNED_RUNS_KIND;
  #host: Pick<Host, 'count'> | undefined;

  /** Until then nothing is counted: the host needs its couriers before there is anything to read. */
  open(host: Pick<Host, 'count'>): void {
    this.#host = host;
  }

  async deliver(input: unknown): Promise<number> {
    if (this.#host === undefined) throw new RpcError(Code.UNAVAILABLE, 'The server is starting.');
    const { namespace, version } = input as PinnedRunsRequest;
    const is = (attribute: string, value: string | number): Condition => ({ kind: 'compare', attribute, operator: '=', value });
    const parts = [is('TemporalWorkerDeploymentVersion', version), is('TemporalWorkflowVersioningBehavior', 'Pinned'), is('ExecutionStatus', WorkflowExecutionStatus.RUNNING)];
    return totalOf(await this.#host.count({ kind: WORKFLOW_KIND, namespace, condition: { kind: 'and', parts } }));
  }
}
