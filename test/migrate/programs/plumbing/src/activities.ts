import { AsyncLocalStorage } from 'node:async_hooks';
import { activityInfo, ApplicationFailure, type Context } from '@temporalio/activity';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, ActivityInterceptors, Next } from '@temporalio/worker';
import { Money } from './money';
import { tenantOf } from './tenant';

const tenants = new AsyncLocalStorage<string | undefined>();

class TenantOfActivity implements ActivityInboundCallsInterceptor {
  constructor(readonly context: Context) {}

  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    return tenants.run(tenantOf(input.headers), () => next(input));
  }
}

export const activityInterceptors = (context: Context): ActivityInterceptors => ({ inbound: new TenantOfActivity(context) });

export async function double(amount: Money): Promise<Money> {
  if (!(amount instanceof Money)) throw ApplicationFailure.nonRetryable('This is no Money');
  return amount.plus(amount);
}

export async function whoPays(): Promise<string> {
  const { isLocal, attempt } = activityInfo();
  if (isLocal && attempt < 3) throw new Error('not yet');
  return `${tenants.getStore()} (${isLocal ? 'local' : 'remote'}, attempt ${attempt})`;
}

export async function leak(secret: string): Promise<void> {
  throw ApplicationFailure.nonRetryable(`The secret is ${secret}`, 'Leak', new Money(7n, 'EUR'));
}
