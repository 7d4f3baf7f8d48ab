/** A transition in the making: each event is applied at once, by the same `applyEvent` as in a fold. Whoever writes has decided before. */
import { StandaloneEvent, StandaloneRecord } from '../../protocol/index.js';
import type { Init, RpcError } from '../../protocol/index.js';
import type { Moment, Outcome } from '../machine.js';
import type { WorkflowLimits } from '../workflow/limits.js';
import { applyEvent } from './apply.js';
import { ATTEMPT, DELETION } from './debts.js';
import type { ActivityReply } from './inputs.js';
import type { StandaloneState } from './state.js';

export type ActivityOutcome = Outcome<StandaloneState | undefined, ActivityReply>;

export class Draft {
  /** Milliseconds since the epoch. */
  readonly now: number;
  successor: ActivityOutcome['successor'];
  readonly #events: StandaloneEvent[] = [];

  constructor(
    readonly state: StandaloneState,
    readonly moment: Moment,
    readonly limits: WorkflowLimits,
  ) {
    this.now = Math.floor(moment.now);
  }

  emit(init: Init<StandaloneEvent>): void {
    const event = StandaloneEvent.create(init);
    this.#events.push(event);
    applyEvent(this.state, event, this.now);
  }

  finish(reply: ActivityReply | RpcError): ActivityOutcome {
    const successor = this.successor && { successor: this.successor };
    if (this.#events.length === 0) return { state: this.state, reply, touched: [], ...successor };
    this.state.data.transitions++;
    const record = { private: StandaloneRecord.encode({ nowMs: this.now, events: this.#events }) };
    return { state: this.state, record, reply, touched: [ATTEMPT, DELETION], ...successor };
  }
}
