import { Context } from 'perdure/activity';

export async function listParts(source: string): Promise<readonly string[]> {
  return ['a', 'b', 'c'].map((part) => `${source}/${part}.csv`);
}

/** @returns the name of the file with the result: the same for each attempt, so a second one overwrites what the first one began. */
export async function transform(part: string): Promise<string> {
  const context = Context.current();
  const rows = 1_000;
  for (let row = Number(context.info.heartbeatDetails ?? 0); row < rows; row += 100) {
    // … a hundred rows …
    context.heartbeat(row + 100);
    await context.sleep('10 ms'); // throws when the activity is cancelled
  }
  return part.replace(/\.csv$/, '.parquet');
}

export async function load(files: readonly string[]): Promise<number> {
  Context.current().heartbeat(files.length);
  return files.length * 1_000;
}
