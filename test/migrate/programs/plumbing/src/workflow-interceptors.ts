import type {
  ActivityInput,
  LocalActivityInput,
  Next,
  QueryInput,
  SignalInput,
  StartChildWorkflowExecutionInput,
  WorkflowExecuteInput,
  WorkflowInboundCallsInterceptor,
  WorkflowInterceptorsFactory,
  WorkflowOutboundCallsInterceptor,
} from '@temporalio/workflow';
import { AsyncLocalStorage, proxySinks } from '@temporalio/workflow';
import type { AuditSinks } from './sinks';
import { tenantOf, withTenant } from './tenant';

const tenants = new AsyncLocalStorage<string | undefined>();
const { audit } = proxySinks<AuditSinks>();

class Inbound implements WorkflowInboundCallsInterceptor {
  #tenant: string | undefined;

  async execute(input: WorkflowExecuteInput, next: Next<WorkflowInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    this.#tenant = tenantOf(input.headers);
    audit.record('execute', { tenant: this.#tenant, args: input.args.length });
    return tenants.run(this.#tenant, () => next(input));
  }

  async handleSignal(input: SignalInput, next: Next<WorkflowInboundCallsInterceptor, 'handleSignal'>): Promise<void> {
    audit.record(`signal ${input.signalName}`, { tenant: tenantOf(input.headers) });
    return next({ ...input, args: [...input.args, 'seen'] });
  }

  async handleQuery(input: QueryInput, next: Next<WorkflowInboundCallsInterceptor, 'handleQuery'>): Promise<unknown> {
    return `${this.#tenant} asked: ${String(await next(input))}`;
  }
}

class Outbound implements WorkflowOutboundCallsInterceptor {
  async scheduleActivity(input: ActivityInput, next: Next<WorkflowOutboundCallsInterceptor, 'scheduleActivity'>): Promise<unknown> {
    return next({ ...input, headers: withTenant(input.headers, tenants.getStore()) });
  }

  async scheduleLocalActivity(input: LocalActivityInput, next: Next<WorkflowOutboundCallsInterceptor, 'scheduleLocalActivity'>): Promise<unknown> {
    return next({ ...input, headers: withTenant(input.headers, tenants.getStore()) });
  }

  async startChildWorkflowExecution(
    input: StartChildWorkflowExecutionInput,
    next: Next<WorkflowOutboundCallsInterceptor, 'startChildWorkflowExecution'>,
  ): Promise<[Promise<string>, Promise<unknown>]> {
    return next({ ...input, headers: withTenant(input.headers, tenants.getStore()) });
  }
}

export const interceptors: WorkflowInterceptorsFactory = () => ({ inbound: [new Inbound()], outbound: [new Outbound()] });
