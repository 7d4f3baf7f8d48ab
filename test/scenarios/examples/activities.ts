/** The activities of the examples for whichever SDK they are given: those in `examples/` name ours. */
import type * as Activity from 'perdure/activity';

/** Task tokens of payments that wait for their webhook, by invoice. */
export const payments = new Map<string, Uint8Array>();

export const activities = (sdk: typeof Activity) => ({
  async notify(): Promise<void> {},

  listParts: async (source: string) => ['a', 'b', 'c'].map((part) => `${source}/${part}.csv`),
  async transform(part: string): Promise<string> {
    sdk.Context.current().heartbeat(1);
    return part.replace(/\.csv$/, '.parquet');
  },
  load: async (files: readonly string[]) => files.length * 1_000,

  checkOnce: async (job: string) => `${job} is done`,
  async checkInLoop(job: string): Promise<string> {
    const context = sdk.Context.current();
    for (let asked = 0; asked < 3; asked++) {
      context.heartbeat(asked);
      await context.sleep(10);
    }
    return `${job} is done`;
  },

  revenueOf: async (day: string) => day.length * 12_345,
  async send(): Promise<void> {},

  async requestPayment(invoice: string): Promise<void> {
    payments.set(invoice, sdk.Context.current().info.taskToken);
    throw new sdk.CompleteAsyncError();
  },
});
