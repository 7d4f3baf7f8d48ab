/** Ending a run and starting the next one of the same execution, with a fresh history. */
import { msOptionalToNumber, type Duration } from '../common/duration.js';
import type { Workflow } from '../common/definitions.js';
import { mapToPayloads } from '../common/payload-converter.js';
import { encodeSearchAttributes, type SearchAttributes } from '../common/search-attributes.js';
import { brandedErrorClass } from '../common/error-brand.js';
import type { ContinueAsNewCommand } from './activation.js';
import { currentRun } from './current-run.js';

/** What is not given stays as it is in the current run. Durations: milliseconds or text. */
export interface ContinueAsNewOptions {
  readonly workflowType?: string;
  readonly taskQueue?: string;
  readonly workflowRunTimeout?: Duration;
  readonly workflowTaskTimeout?: Duration;
  /** How long the next run waits before it starts. */
  readonly backoffStartInterval?: Duration;
  readonly memo?: Readonly<Record<string, unknown>>;
  readonly searchAttributes?: SearchAttributes;
}

/** Thrown to end the run. Let it pass: code that catches everything must rethrow it. */
export class ContinueAsNew extends Error {
  constructor(readonly command: ContinueAsNewCommand) {
    super('Workflow continued as new');
  }
}
brandedErrorClass(ContinueAsNew, 'ContinueAsNew');

/**
 * Ends this run and starts the next with these arguments.
 *
 * @throws ContinueAsNew always: that is how the run ends.
 * @example await continueAsNew<typeof poller>(cursor);
 */
export function continueAsNew<F extends Workflow>(...args: Parameters<F>): Promise<never> {
  return makeContinueAsNewFunc<F>()(...args);
}

/** Like {@link continueAsNew}, with options. */
export function makeContinueAsNewFunc<F extends Workflow>(options: ContinueAsNewOptions = {}): (...args: Parameters<F>) => Promise<never> {
  return async (...args) => {
    const run = currentRun('continueAsNew');
    const { payloadConverter, start } = run;
    throw new ContinueAsNew({
      kind: 'continue-as-new',
      workflowType: options.workflowType ?? start.workflowType,
      taskQueue: options.taskQueue,
      input: args.map((arg: unknown) => payloadConverter.toPayload(arg)),
      headers: undefined,
      runTimeoutMs: msOptionalToNumber(options.workflowRunTimeout),
      taskTimeoutMs: msOptionalToNumber(options.workflowTaskTimeout),
      backoffStartIntervalMs: msOptionalToNumber(options.backoffStartInterval),
      memo: mapToPayloads(payloadConverter, options.memo ?? run.info.memo),
      searchAttributes: encodeSearchAttributes(options.searchAttributes ?? run.info.searchAttributes, undefined),
    });
  };
}
