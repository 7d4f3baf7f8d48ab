/**
 * Delivers completion callbacks: to a run of this server that waits for a Nexus operation, or by one HTTP call for each message, a few at
 * a time, and only to addresses that the operator allows.
 *
 * One receiver that does not answer must not keep the others waiting: each has its own small number of calls at a time. What waits is
 * bounded by what the machines in memory owe.
 */
import { readUrl, type CallbackAddresses } from '../frontend/callback-addresses.js';
import { CALLBACK_TOKEN_HEADER, readCallbackToken, SYSTEM_CALLBACK_URL } from '../frontend/nexus/callback-token.js';
import { completeNexusOperation } from '../frontend/nexus/completions.js';
import { HANDLER_ERRORS } from '../frontend/nexus/http-content.js';
import type { Courier, Host } from '../host/host.js';
import { CALLBACK_KIND, type CallbackMessage, type CallbackReply } from '../machines/workflow/index.js';
import { Callback, Code, RpcError, type Callback_Nexus } from '../protocol/index.js';
import type { HttpCaller } from '../ports/index.js';
import { completionOf, completionRequest } from './nexus-completion.js';

const TIMEOUT_MS = 10_000;
const CALLS_AT_ONCE = 64;
const CALLS_AT_ONCE_TO_ONE = 16;

/** Statuses that are passing though others of their hundred are not, and the other way round. */
const EXCEPTIONS: ReadonlySet<number> = new Set([408, 429, 501]);

export class CallbackCourier implements Courier {
  readonly kind = CALLBACK_KIND;
  readonly #caller: HttpCaller;
  readonly #addresses: CallbackAddresses;
  #host: Host | undefined;
  readonly #underWay = new Map<string, number>();
  #calls = 0;
  /** In the order of arrival. */
  readonly #waiting: { readonly receiver: string; readonly go: () => void }[] = [];

  constructor(caller: HttpCaller, addresses: CallbackAddresses) {
    this.#caller = caller;
    this.#addresses = addresses;
  }

  /** Until then no run of this server is told anything: the host needs its couriers before there is one. */
  open(host: Host): void {
    this.#host = host;
  }

  async deliver(input: unknown): Promise<CallbackReply> {
    const message = input as CallbackMessage;
    const { nexus } = Callback.decode(message.callback);
    if (nexus?.url === SYSTEM_CALLBACK_URL) return this.#tellRun(message, nexus);
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

  async #tellRun(message: CallbackMessage, nexus: Callback_Nexus): Promise<CallbackReply> {
    const token = readCallbackToken(nexus.header.get(CALLBACK_TOKEN_HEADER));
    if (token === undefined) return refused('handler error (BAD_REQUEST): the callback has no token of this server');
    if (this.#host === undefined) throw new RpcError(Code.UNAVAILABLE, 'The server is starting.');
    try {
      await completeNexusOperation(this.#host, token, completionOf(message, nexus));
      return { kind: 'taken' };
    } catch (error) {
      if (!(error instanceof RpcError) || TRANSIENT.has(error.code)) throw error;
      return refused(`handler error (${error.code === Code.NOT_FOUND ? 'NOT_FOUND' : 'INTERNAL'}): ${error.message}`);
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

/** The run was not reached: the host delivers the message again. */
const TRANSIENT: ReadonlySet<Code> = new Set([Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED, Code.INTERNAL]);

const refused = (message: string): CallbackReply => ({ kind: 'not-taken', message, retryable: false });

function replyTo(status: number): CallbackReply {
  if (status >= 200 && status < 300) return { kind: 'taken' };
  const name = HANDLER_ERRORS.get(status) ?? (status >= 500 ? 'INTERNAL' : 'BAD_REQUEST');
  const retryable = EXCEPTIONS.has(status) ? status < 500 : status >= 500;
  return { kind: 'not-taken', message: `handler error (${name}): the receiver answered with the HTTP status ${status}`, retryable };
}
