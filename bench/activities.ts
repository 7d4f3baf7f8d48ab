/** The one activity of the benchmark: it does nothing, so that what is measured is the engine and the SDK. */
export async function echo(value: string): Promise<string> {
  return value;
}
