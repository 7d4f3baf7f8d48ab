/** The client: everything a program outside of workflows and activities does with a server. */
import { ActivityClient } from './activity-client.js';
import { BaseClient, type BaseClientOptions } from './base-client.js';
import type { ClientInterceptors } from './interceptors.js';
import { configuredClient, type ClientPlugin } from './plugins.js';
import type { QueryRejectCondition } from '../common/index.js';
import { ScheduleClient } from './schedule-client.js';
import { WorkflowClient } from './workflow-client.js';

export interface ClientOptions extends BaseClientOptions {
  /** Code around the calls of the clients. */
  interceptors?: ClientInterceptors | undefined;
  /** Applied in order, then those of the connection. */
  plugins?: readonly ClientPlugin[] | undefined;
  workflow?: {
    /** Refuses queries by the execution's status. Default: none is refused. */
    queryRejectCondition?: QueryRejectCondition;
  };
}

/**
 * Cheap to make, on a connection that is shared.
 *
 * @example
 * const client = new Client({ connection: await Connection.connect() });
 * const result = await client.workflow.execute(greet, { args: ['Ada'], taskQueue: 'greetings', workflowId: 'greet-1' });
 */
export class Client extends BaseClient {
  /** Workflow executions. */
  readonly workflow: WorkflowClient;
  /** Schedules. */
  readonly schedule: ScheduleClient;
  /** Activities: started without a workflow, and completed from outside. */
  readonly activity: ActivityClient;

  constructor(asked: ClientOptions = {}) {
    const options = configuredClient(asked);
    super(options);
    const shared = { ...options, connection: this.connection, identity: this.identity };
    this.workflow = new WorkflowClient({ ...shared, interceptors: options.interceptors?.workflow ?? [], ...options.workflow });
    this.schedule = new ScheduleClient({ ...shared, interceptors: options.interceptors?.schedule ?? [] });
    this.activity = new ActivityClient({ ...shared, interceptors: options.interceptors?.activity ?? [] });
  }
}
