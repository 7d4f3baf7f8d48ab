/**
 * Delivers completion callbacks: one HTTP call for each message, a few at a time, and only to addresses that the operator allows.
 *
 * One receiver that does not answer must not keep the others waiting: each has its own small number of calls at a time. What waits is
 * bounded by what the machines in memory owe.
 */
import { readUrl, type CallbackAddresses } from '../frontend/callback-addresses.js';
import type { Courier } from '../host/host.js';
import { CALLBACK_KIND, type CallbackMessage, type CallbackReply } from '../machines/workflow/index.js';
import { Callback } from '../protocol/index.js';
import type { HttpCaller } from '../ports/index.js';
import { completionRequest } from './nexus-completion.js';

const TIMEOUT_MS = 10_000;
const CALLS_AT_ONCE = 64;
const CALLS_AT_ONCE_TO_ONE = 16;

/** What a receiver that refuses is taken to mean. Others with 4xx are refusals for good, others with 5xx are passing. */
const MEANINGS: Readonly<Record<number, readonly [name: string, retryable: boolean]>> = {
  400: ['BAD_REQUEST', false],
  401: ['UNAUTHENTICATED', false],
  403: ['UNAUTHORIZED', false],
  404: ['NOT_FOUND', false],
  408: ['REQUEST_TIMEOUT', true],
  409: ['CONFLICT', false],
  429: ['RESOURCE_EXHAUSTED', true],
  500: ['INTERNAL', true],
  501: ['NOT_IMPLEMENTED', false],
  503: ['UNAVAILABLE', true],
  520: ['UPSTREAM_TIMEOUT', true],
};

export class CallbackCourier implements Courier {
  readonly kind = CALLBACK_KIND;
  readonly #caller: HttpCaller;
  readonly #addresses: CallbackAddresses;
  readonly #underWay = new Map<string, number>();
  #calls = 0;
  /** In the order of arrival. */
  readonly #waiting: { readonly receiver: string; readonly go: () => void }[] = [];

  constructor(caller: HttpCaller, addresses: CallbackAddresses) {
    this.#caller = caller;
    this.#addresses = addresses;
  }

  async deliver(input: unknown): Promise<CallbackReply> {
    const message = input as CallbackMessage;
    const { nexus } = Callback.decode(message.callback);
    const url = nexus && readUrl(nexus.url);
    if (nexus === undefined || url === undefined) return refused('the callback has no address');
    // The list may have become shorter since the callback was registered.
    if (!this.#addresses.allows(url)) return refused(`url does not match any configured callback address: ${nexus.url}`);
    await this.#turn(url.host);
    try {
      const { status } = await this.#caller.post({ ...completionRequest(message, nexus), timeoutMs: TIMEOUT_MS });
      return replyTo(status);
    } catch (error) {
      return { kind: 'not-taken', message: `the callback could not be delivered: ${error instanceof Error ? error.message : String(error)}`, retryable: true };
    } finally {
      this.#done(url.host);
    }
  }

  async #turn(receiver: string): Promise<void> {
    if (!this.#mayGo(receiver)) await new Promise<void>((go) => this.#waiting.push({ receiver, go }));
    else this.#begin(receiver);
  }

  #mayGo(receiver: string): boolean {
    return this.#calls < CALLS_AT_ONCE && (this.#underWay.get(receiver) ?? 0) < CALLS_AT_ONCE_TO_ONE;
  }

  #begin(receiver: string): void {
    this.#calls += 1;
    this.#underWay.set(receiver, (this.#underWay.get(receiver) ?? 0) + 1);
  }

  #done(receiver: string): void {
    this.#calls -= 1;
    const left = (this.#underWay.get(receiver) ?? 1) - 1;
    if (left === 0) this.#underWay.delete(receiver);
    else this.#underWay.set(receiver, left);
    const next = this.#waiting.findIndex((waiting) => this.#mayGo(waiting.receiver));
    const [waiting] = next < 0 ? [] : this.#waiting.splice(next, 1);
    if (waiting === undefined) return;
    this.#begin(waiting.receiver);
    waiting.go();
  }
}

const refused = (message: string): CallbackReply => ({ kind: 'not-taken', message, retryable: false });

function replyTo(status: number): CallbackReply {
  if (status >= 200 && status < 300) return { kind: 'taken' };
  const [name, retryable] = MEANINGS[status] ?? [status >= 500 ? 'INTERNAL' : 'BAD_REQUEST', status >= 500];
  return { kind: 'not-taken', message: `handler error (${name}): the receiver answered with the HTTP status ${status}`, retryable };
}
