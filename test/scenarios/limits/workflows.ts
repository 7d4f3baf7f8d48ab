/** Workflows that run into limits. The text runs with our SDK and, its imports renamed, with the official one. */
import { condition, defineSignal, getExternalWorkflowHandle, setHandler } from 'perdure/workflow';

export const poke = defineSignal('poke');

export async function poked(): Promise<void> {
  setHandler(poke, () => undefined);
  await condition(() => false);
}

/** Pokes another workflow until that is refused. @returns why */
export async function pokes(workflowId: string): Promise<string> {
  try {
    for (;;) await getExternalWorkflowHandle(workflowId).signal(poke);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
