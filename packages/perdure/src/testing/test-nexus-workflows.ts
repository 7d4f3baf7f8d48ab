/** Both sides of Nexus calls, for the tests of this folder. */
import { condition, createNexusServiceClient, setHandler, sleep, type WorkflowInterceptorsFactory } from 'perdure/workflow';
import { approve } from './test-nexus-definitions.js';
import type { office as officeService } from './test-nexus-service.js';

// The contract by its names: the file of the handlers must not be bundled.
const operations = Object.fromEntries(['greet', 'flaky', 'book', 'approve'].map((name) => [name, { name }]));
const office = { name: 'office', operations } as unknown as typeof officeService;

const client = createNexusServiceClient({ endpoint: 'office', service: office });

export async function caller(operation: 'greet' | 'book' | 'approve', input: string): Promise<string> {
  return client.executeOperation(operation, input);
}

export async function persistent(failures: number): Promise<number> {
  return client.executeOperation('flaky', failures, { scheduleToCloseTimeout: '1 hour' });
}

/** Is booked a day after it was begun, or with the first approval. */
export async function ledger(entry: string): Promise<string> {
  let approvedBy: string | undefined;
  setHandler(approve, async (who) => {
    await sleep('1 hour');
    approvedBy = who;
    return `${entry} approved`;
  });
  await condition(() => approvedBy !== undefined, '1 day');
  return `${entry} booked${approvedBy === undefined ? '' : ` for ${approvedBy}`}`;
}

export const interceptors: WorkflowInterceptorsFactory = () => ({
  outbound: [{ startNexusOperation: (input, next) => next({ ...input, headers: { ...input.headers, 'X-Trace': `of ${input.operation}` } }) }],
});
