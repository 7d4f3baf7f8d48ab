/**
 * `Promise.race` for promises that live long.
 *
 * Each native race leaves a reaction on each contender until that contender settles: a loop that races one lasting promise against a timer
 * keeps some 300 bytes for each turn, for as long as the workflow runs. Here a contender gets one reaction in all, and a race that is over
 * leaves nothing. `Promise.race` itself stays as it is: a replacement would run reactions in another order, and histories depend on it.
 */
interface Race {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** Open races by contender. Shared by all runs of the realm, which share no promises. */
const openRaces = new WeakMap<object, Set<Race>>();

/**
 * Settles as the first contender that settles. Use it in place of `Promise.race` in a loop, where a contender outlives many races.
 *
 * @example
 * const stopped = new Trigger<'stop'>();
 * while ((await race([stopped, sleep('1 minute')])) !== 'stop') await poll();
 */
export async function race<const Contenders extends readonly unknown[]>(contenders: Contenders): Promise<Awaited<Contenders[number]>> {
  let entered: Race | undefined;
  try {
    return await new Promise((resolve, reject) => {
      const open = (entered = { resolve: resolve as (value: unknown) => void, reject });
      for (const contender of contenders) {
        if (isThenable(contender)) racesOf(contender).add(open);
        else open.resolve(contender);
      }
    });
  } finally {
    for (const contender of contenders) if (entered !== undefined && isThenable(contender)) openRaces.get(contender)?.delete(entered);
  }
}

function racesOf(contender: PromiseLike<unknown>): Set<Race> {
  let races = openRaces.get(contender);
  if (races === undefined) {
    const fresh = (races = new Set<Race>());
    openRaces.set(contender, fresh);
    contender.then(
      (value) => settle(contender, fresh, (open) => open.resolve(value)),
      (reason: unknown) => settle(contender, fresh, (open) => open.reject(reason)),
    );
  }
  return races;
}

/** A race that comes later asks the contender anew. */
function settle(contender: object, races: Set<Race>, end: (open: Race) => void): void {
  openRaces.delete(contender);
  for (const open of races) end(open);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return ((typeof value === 'object' && value !== null) || typeof value === 'function') && typeof (value as { then?: unknown }).then === 'function';
}
