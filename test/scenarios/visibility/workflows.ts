/** Workflows of the scenarios about lists. The text runs with our SDK and, its imports renamed, with the official one. */
import { condition, defineSignal, executeChild, setHandler, upsertSearchAttributes } from 'perdure/workflow';

export const end = defineSignal('end');

/** Waits for its signal; what it gets is put into its search attributes before. */
export async function listed(attributes?: Parameters<typeof upsertSearchAttributes>[0]): Promise<void> {
  let ended = false;
  setHandler(end, () => void (ended = true));
  if (attributes !== undefined) upsertSearchAttributes(attributes);
  await condition(() => ended);
}

/** Ends at once. */
export async function quick(): Promise<string> {
  return 'done';
}

export async function parentOfQuick(childId: string): Promise<string> {
  return executeChild(quick, { workflowId: childId });
}
