import * as wf from '@temporalio/workflow';
import type { Activities, Message, ToolCall } from './activities.js';

const { think, callTool } = wf.proxyActivities<Activities>({
  startToCloseTimeout: '30s',
  retry: { initialInterval: 5, maximumAttempts: 3, nonRetryableErrorTypes: ['ToolNotFound'] },
});

export const say = wf.defineUpdate<string, [string]>('say');
export const approve = wf.defineSignal<[callId: string, agreed: boolean]>('approve');
export const transcript = wf.defineQuery<Message[]>('transcript');
export const asked = wf.defineQuery<string[]>('asked');

export interface Talk {
  readonly messages: Message[];
  readonly steps: number;
}

const STEPS_A_RUN = 4;

/** Talks until it has nothing more to do. Tools that are dangerous wait for a person. */
export async function assistant(goal: string, before: Talk = { messages: [{ role: 'user', content: goal }], steps: 0 }): Promise<string> {
  const { messages } = before;
  const answers = new Map<string, boolean>();
  const waiting = new Set<string>();
  let { steps } = before;
  let isAwake = true;
  wf.setHandler(approve, (callId, agreed) => void answers.set(callId, agreed));
  wf.setHandler(transcript, () => messages);
  wf.setHandler(asked, () => [...waiting]);
  wf.setHandler(
    say,
    async (content) => {
      const already = messages.push({ role: 'user', content });
      isAwake = true;
      await wf.condition(() => messages.slice(already).some(({ role }) => role === 'assistant'));
      return messages.at(-1)?.content ?? '';
    },
    {
      validator: (content) => {
        if (content.trim() === '') throw new TypeError('say something');
      },
    },
  );

  async function use({ id, tool, args, dangerous }: ToolCall): Promise<string> {
    if (dangerous) {
      waiting.add(id);
      const inTime = await wf.condition(() => answers.has(id), '1 minute');
      waiting.delete(id);
      if (!inTime || !answers.get(id)) return `${id}: refused`;
    }
    try {
      return `${id}: ${JSON.stringify(await callTool(tool, args))}`;
    } catch (err) {
      if (wf.isCancellation(err)) throw err;
      return `${id}: ${wf.rootCause(err)}`;
    }
  }

  for (;;) {
    await wf.condition(() => isAwake);
    const step = await think(messages);
    steps++;
    if (step.kind === 'tools') {
      for (const content of await Promise.all(step.calls.map(use))) messages.push({ role: 'tool', content });
    } else {
      messages.push({ role: 'assistant', content: step.text });
      isAwake = false;
    }
    if (step.kind === 'final') break;
    // Whoever waits for an answer is not sent away: the next run begins between two answers.
    if (steps >= STEPS_A_RUN && wf.allHandlersFinished() && isAwake) await wf.continueAsNew<typeof assistant>(goal, { messages, steps });
  }
  await wf.condition(wf.allHandlersFinished);
  return `${steps} steps`;
}
