/** The activities of the crash test, and the ledger that they write: a line for each execution, on the disk before it begins. */
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { ApplicationFailure } from 'perdure/common';
import { Context } from 'perdure/activity';

export type Activities = ReturnType<typeof activities>;

/** @param ledger the file. A line is `kind key attempt-of-the-run`, for example `remote account-1/7 4c…/2/1` */
export function activities(ledger: string) {
  const record = (kind: string, key: string): number => {
    const { workflowExecution, activityId, attempt } = Context.current().info;
    fs.appendFileSync(ledger, `${kind} ${key} ${workflowExecution?.runId}/${activityId}/${attempt}\n`);
    return attempt;
  };
  return {
    /** Fails so many times first. */
    async work(key: string, failures = 0): Promise<string> {
      const attempt = record('remote', key);
      Context.current().heartbeat(attempt);
      if (attempt <= failures) throw ApplicationFailure.create({ message: 'not yet' });
      return key;
    },
    async localWork(key: string, ms = 0, failures = 0): Promise<string> {
      const attempt = record('local', key);
      if (attempt <= failures) throw ApplicationFailure.create({ message: 'not yet' });
      await delay(ms);
      return key;
    },
  };
}
