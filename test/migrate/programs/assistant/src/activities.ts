import { Context } from '@temporalio/activity';

export interface Message {
  readonly role: 'user' | 'assistant' | 'tool';
  readonly content: string;
}

export interface ToolCall {
  readonly id: string;
  readonly tool: string;
  readonly args: Record<string, unknown>;
  /** A person must agree first. */
  readonly dangerous?: boolean;
}

export type Step = { readonly kind: 'reply' | 'final'; readonly text: string } | { readonly kind: 'tools'; readonly calls: readonly ToolCall[] };

class ToolNotFound extends Error {}

/** Stands for a language model: what it says depends on the talk alone. Every third request is refused. */
export class Model {
  #requests = 0;

  async complete(messages: readonly Message[]): Promise<Step> {
    if (++this.#requests % 3 === 2) throw new Error('429 Too Many Requests');
    const tools = messages.filter(({ role }) => role === 'tool').length;
    const questions = messages.filter(({ role }) => role === 'user').length;
    if (questions === 1 && tools === 0) {
      return { kind: 'tools', calls: [{ id: 'sum', tool: 'add', args: { x: 1, y: 2 } }, { id: 'odd', tool: 'nonsense', args: {} }] };
    }
    if (questions === 1) return { kind: 'reply', text: `${tools} tools answered` };
    if (tools < 4) return { kind: 'tools', calls: [{ id: `erase-${tools}`, tool: 'erase', args: {}, dangerous: true }] };
    return { kind: 'final', text: messages.filter(({ role }) => role === 'tool').map(({ content }) => content).join(' ') };
  }
}

export const createActivities = (model: Model) => ({
  think: (messages: Message[]): Promise<Step> => model.complete(messages),
  async callTool(tool: string, args: Record<string, unknown>): Promise<unknown> {
    if (tool === 'add') return Number(args['x']) + Number(args['y']);
    if (tool === 'erase') return 'erased';
    throw new ToolNotFound(`no tool "${tool}" (attempt ${Context.current().info.attempt})`);
  },
});
export type Activities = ReturnType<typeof createActivities>;
