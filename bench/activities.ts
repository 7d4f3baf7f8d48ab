/** The activities of the benchmark do nothing, so that what is measured is the engine and the SDK. */
export async function echo(value: string): Promise<string> {
  return value;
}

/** Milliseconds since the worker began. */
export async function moment(): Promise<number> {
  return performance.now();
}
