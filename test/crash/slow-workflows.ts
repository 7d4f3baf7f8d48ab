/** The same workflow in a worker that does not come to an end with its first task. */
export async function steps(): Promise<number[]> {
  let n = 0;
  for (;;) n++;
}
