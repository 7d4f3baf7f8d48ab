/**
 * Who waits for an update. In memory only: a wait dies with its caller or with the process, and the update does not.
 *
 * A waiter is opened before the update is sent to the run, so that nothing is missed in between; only when the run has answered is it
 * known which run and which admission of the update id is meant.
 */
import type { MachineKey } from '../machines/machine.js';
import type { UpdateNotice, UpdateReply } from '../machines/workflow/index.js';
import { overloaded } from './refusals.js';

const MAX_WAITING = 20_000;

type Result = UpdateNotice['result'];

export class UpdateWaiter {
  /** The latest result of each admission that was heard of. Few: the waiter lives as long as one call. */
  readonly #heard = new Map<string, Result>();
  #expects: { readonly name: string; readonly accepted: boolean; readonly resolve: (result: Result) => void } | undefined;

  /** @param accepted whether the acceptance is enough, or only the end counts */
  result({ runId, admission }: Pick<UpdateReply, 'runId' | 'admission'>, accepted: boolean): Promise<Result> {
    const name = `${runId} ${admission}`;
    return new Promise((resolve) => {
      this.#expects = { name, accepted, resolve };
      this.#settle();
    });
  }

  hear(runId: string, { admission, result }: UpdateNotice): void {
    this.#heard.set(`${runId} ${admission}`, result);
    this.#settle();
  }

  #settle(): void {
    const expects = this.#expects;
    const result = expects && this.#heard.get(expects.name);
    if (expects === undefined || result === undefined || (result.type === 'accepted' && !expects.accepted)) return;
    expects.resolve(result);
  }
}

export class UpdateWaiters {
  readonly #waiting = new Map<string, Set<UpdateWaiter>>();
  #size = 0;

  /** @throws RpcError RESOURCE_EXHAUSTED if too many wait. */
  open(namespaceId: string, workflowId: string, updateId: string): { readonly waiter: UpdateWaiter; close(): void } {
    if (this.#size >= MAX_WAITING) throw overloaded(`${MAX_WAITING} requests wait for updates, which is the limit. Send the request again later.`);
    const name = nameOf(namespaceId, workflowId, updateId);
    const waiter = new UpdateWaiter();
    const together = this.#waiting.get(name) ?? new Set();
    this.#waiting.set(name, together.add(waiter));
    this.#size += 1;
    const close = (): void => {
      if (!together.delete(waiter)) return;
      this.#size -= 1;
      if (together.size === 0 && this.#waiting.get(name) === together) this.#waiting.delete(name);
    };
    return { waiter, close };
  }

  /** A run tells what has become of an update. */
  tell({ namespace, key, machine }: MachineKey & { readonly machine: string }, notice: UpdateNotice): void {
    for (const waiter of this.#waiting.get(nameOf(namespace, key, notice.updateId)) ?? []) waiter.hear(machine, notice);
  }
}

/** Ids may hold any character: they are told apart by quoting. */
function nameOf(namespaceId: string, workflowId: string, updateId: string): string {
  return JSON.stringify([namespaceId, workflowId, updateId]);
}
