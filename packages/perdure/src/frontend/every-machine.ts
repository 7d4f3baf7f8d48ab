/** All machines of a kind, read in pages: for those who keep a copy of them in memory, which a limit on their number bounds. */
import type { Host } from '../host/host.js';

type Machines = Host['machines'];
type ListedMachine = Awaited<ReturnType<Machines>>['items'][number];

const PAGE = 500;

/** @param source the host, or before it runs, its store */
export async function* everyMachine(source: { machines: Machines }, filter: Parameters<Machines>[0]): AsyncGenerator<ListedMachine, void, undefined> {
  let after: string | undefined;
  do {
    const page = await source.machines(filter, { limit: PAGE, ...(after !== undefined && { after }) });
    yield* page.items;
    after = page.next;
  } while (after !== undefined);
}
