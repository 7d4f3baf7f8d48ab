/** Workflows that schedules start. */
import { ApplicationFailure, condition, defineSignal, setHandler, sleep, workflowInfo } from 'perdure/workflow';

export async function report(name: string): Promise<string> {
  const { workflowId, lastResult } = workflowInfo();
  return `${name} by ${workflowId.length > 0} after ${JSON.stringify(lastResult ?? null)}`;
}

export const finish = defineSignal('finish');
export async function waits(): Promise<string> {
  let finished = false;
  setHandler(finish, () => {
    finished = true;
  });
  await condition(() => finished);
  return 'finished';
}

export async function sleeps(): Promise<void> {
  await sleep('1 hour');
}

export async function fails(): Promise<void> {
  throw ApplicationFailure.nonRetryable('boom');
}
