/** One decision about a worker deployment under way: its events, applied as they are written, and what they touch. */
import { DeploymentRecord, type DeploymentEvent, type Init, type RpcError } from '../../protocol/index.js';
import type { DebtKey, Moment, Outcome } from '../machine.js';
import type { DeploymentReply } from './inputs.js';
import { applyEvent, type DeploymentState } from './state.js';

export type DeploymentOutcome = Outcome<DeploymentState | undefined, DeploymentReply>;

export class Draft {
  readonly now: number;
  readonly #events: Init<DeploymentEvent>[] = [];
  readonly #touched = new Set<DebtKey>();

  constructor(
    readonly state: DeploymentState,
    moment: Moment,
  ) {
    this.now = Math.floor(moment.now);
  }

  emit(event: Init<DeploymentEvent>): void {
    this.#events.push(event);
    applyEvent(this.state, event, (key) => this.#touched.add(key));
  }

  reply(more?: Omit<DeploymentReply, 'kind' | 'conflictToken'>): DeploymentReply {
    return { kind: 'deployment', conflictToken: conflictToken(this.state), ...more };
  }

  finish(reply: DeploymentReply | RpcError): DeploymentOutcome {
    const record = this.#events.length === 0 ? undefined : { private: DeploymentRecord.encode({ events: this.#events }) };
    return { state: this.state, ...(record && { record }), reply, touched: [...this.#touched] };
  }
}

/** Names the state of routing and manager; another deployment of the same name has others. */
export function conflictToken({ data }: DeploymentState): Uint8Array {
  return Buffer.from(`${data.created?.incarnation ?? ''}/${data.modifications}`);
}
