/** Waits of the tests of the guide: each has an end, so that a page that is wrong fails its test and does not stop the run. */

const LONGEST_WAIT_MS = 60_000;

/** What `wait` gives, or an error that names what did not come. */
export async function withTimeout<T>(what: string, wait: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${LONGEST_WAIT_MS} ms`)), LONGEST_WAIT_MS);
  });
  try {
    return await Promise.race([wait(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again until the answer is there. */
export function eventually<T>(what: string, ask: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const wait = { isOver: false };
  return withTimeout(what, async () => {
    while (!wait.isOver) {
      const answer = await ask();
      if (answer !== undefined) return answer;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`${what}: nobody waits any more`);
  }).finally(() => (wait.isOver = true));
}
