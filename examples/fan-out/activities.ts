/** One of a million: small, idempotent, known by its number. */
export async function process(task: number): Promise<void> {
  if (!Number.isSafeInteger(task)) throw new RangeError(`No task has the number ${task}`);
}
