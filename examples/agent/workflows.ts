/**
 * An AI agent: a model decides what to do next, tools do it, and a person can talk to it and must agree to what is dangerous.
 *
 * The loop is the workflow; each call of the model and of a tool is an activity. So the process may die between two steps, and no token is
 * paid for twice. The conversation is the state; when the history gets long, the agent goes on in a fresh one with it.
 */
import {
  ActivityFailure,
  condition,
  continueAsNewIfSuggested,
  defineQuery,
  defineSignal,
  proxyActivities,
  rootCause,
  scheduleActivity,
  setHandler,
} from 'perdure/workflow';
import type * as model from './model.js';

const { decide } = proxyActivities<typeof model>({
  startToCloseTimeout: '2 minutes',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute', nonRetryableErrorTypes: ['BadPrompt'] },
});

export type Message =
  | { readonly from: 'person' | 'agent'; readonly text: string }
  | { readonly from: 'tool'; readonly tool: string; readonly text: string };

export type Step =
  | { readonly kind: 'answer'; readonly text: string }
  | { readonly kind: 'tool'; readonly tool: string; readonly input: unknown; readonly dangerous: boolean };

/** A model that goes round in circles costs money. */
const MOST_STEPS = 30;

export const agree = defineSignal<[yes: boolean]>('agree');
export const say = defineSignal<[text: string]>('say');
export const conversation = defineQuery<readonly Message[]>('conversation');
export const asksAbout = defineQuery<string | undefined>('asksAbout');

export async function agent(goal: string, before: readonly Message[] = [], stepsTaken = 0): Promise<string> {
  const messages: Message[] = before.length > 0 ? [...before] : [{ from: 'person', text: goal }];
  let question: string | undefined;
  let decision: boolean | undefined;
  setHandler(conversation, () => messages);
  setHandler(asksAbout, () => question);
  setHandler(say, (text) => void messages.push({ from: 'person', text }));
  setHandler(agree, (yes) => {
    if (question !== undefined) decision ??= yes;
  });

  const agreed = async (step: Step & { kind: 'tool' }): Promise<boolean> => {
    if (!step.dangerous) return true;
    question = `${step.tool}(${JSON.stringify(step.input)})`;
    decision = undefined;
    await condition(() => decision !== undefined, '1 day');
    question = undefined;
    return decision === true;
  };

  for (let steps = stepsTaken; steps < MOST_STEPS; steps++) {
    const step = await decide(messages);
    if (step.kind === 'answer') return step.text;
    const text = (await agreed(step)) ? await use(step.tool, step.input) : 'The person did not agree.';
    messages.push({ from: 'tool', tool: step.tool, text });
    await continueAsNewIfSuggested<typeof agent>(() => [goal, messages, steps + 1]);
  }
  return `I gave up after ${MOST_STEPS} steps.`;
}

/** Tools are activities that the model names. One that fails is news for the model, not the end. */
async function use(tool: string, input: unknown): Promise<string> {
  try {
    return await scheduleActivity<string>(tool, [input], { startToCloseTimeout: '1 minute', retry: { maximumAttempts: 3 } });
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    return `It failed: ${rootCause(error)}`;
  }
}
