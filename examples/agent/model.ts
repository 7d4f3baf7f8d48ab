/** The model: any provider's client fits. Ask it for one of the tools below or for an answer, and turn what it says into a step. */
import type { Message, Step } from './workflows.js';

export async function decide(messages: readonly Message[]): Promise<Step> {
  const last = messages.at(-1);
  if (last?.from === 'tool') return { kind: 'answer', text: last.text };
  return { kind: 'tool', tool: 'search', input: last?.text ?? '', dangerous: false };
}
