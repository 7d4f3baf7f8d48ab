/** Ending a run and starting the next one of the same execution, with a fresh history. */
import { msOptionalToNumber, type Duration } from '../common/duration.js';
import type { Workflow } from '../common/definitions.js';
import { composeInterceptors } from '../common/interceptors.js';
import { mapToPayloads } from '../common/payload-converter.js';
import { encodeSearchAttributes, type SearchAttributePair, type SearchAttributes, type TypedSearchAttributes } from '../common/search-attributes.js';
import { initialVersioningBehaviors, type InitialVersioningBehavior } from '../common/workflow-definition.js';
import { argsToPayloads, type PayloadTypeInfo } from '../common/type-info.js';
import { brandedErrorClass } from '../common/error-brand.js';
import type { ContinueAsNewCommand } from './activation.js';
import { condition } from './condition.js';
import { currentRun } from './current-run.js';
import { allHandlersFinished } from './handlers.js';
import { fieldsFromHeaders, type ContinueAsNewInput } from './interceptors.js';
import type { WorkflowRun } from './workflow-run.js';

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
  /** Win over `searchAttributes` of the same name. */
  readonly typedSearchAttributes?: SearchAttributePair[] | TypedSearchAttributes;
  /** With which version of a worker deployment the next run begins. Default: a pinned workflow goes on with the version of this run. */
  readonly initialVersioningBehavior?: InitialVersioningBehavior;
  /** How the arguments travel. Default: as those of this run, if the workflow type stays. */
  readonly typeInfo?: Pick<PayloadTypeInfo, 'inputTypes'>;
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
    const input = { args, headers: {}, options: { taskQueue: run.start.taskQueue, ...options, workflowType: options.workflowType ?? run.start.workflowType } };
    return composeInterceptors(run.interceptors.outbound, 'continueAsNew', async (changed) => end(run, changed))(input);
  };
}

/**
 * Continues as new if the server suggests it, after all handlers of signals and updates have finished; else returns at once.
 *
 * Called where the workflow has nothing half done, such as the end of a loop's turn. `argsOf` is called last, so what handlers changed
 * while they finished is in it.
 *
 * @example
 * for (;;) {
 *   await condition(() => items.length > 0);
 *   await handle(items.shift()!);
 *   await continueAsNewIfSuggested<typeof cart>(() => [items]);
 * }
 */
export async function continueAsNewIfSuggested<F extends Workflow>(argsOf: () => Parameters<F>, options?: ContinueAsNewOptions): Promise<void> {
  const run = currentRun('continueAsNewIfSuggested');
  if (!run.info.snapshot().continueAsNewSuggested) return;
  await condition(allHandlersFinished);
  await makeContinueAsNewFunc<F>(options)(...argsOf());
}

function end(run: WorkflowRun, { args, headers, options }: ContinueAsNewInput): never {
  const { payloadConverter, start } = run;
  const { inputTypes } = options.typeInfo ?? (options.workflowType === start.workflowType ? run.typeInfo : undefined) ?? {};
  throw new ContinueAsNew({
    kind: 'continue-as-new',
    workflowType: options.workflowType,
    taskQueue: options.taskQueue,
    input: argsToPayloads(payloadConverter, args, inputTypes),
    headers: fieldsFromHeaders(headers),
    runTimeoutMs: msOptionalToNumber(options.workflowRunTimeout),
    taskTimeoutMs: msOptionalToNumber(options.workflowTaskTimeout),
    backoffStartIntervalMs: msOptionalToNumber(options.backoffStartInterval),
    retryPolicy: start.retryPolicy,
    initialVersioningBehavior: initialVersioningBehaviors.encode(options.initialVersioningBehavior),
    memo: mapToPayloads(payloadConverter, options.memo ?? run.info.memo),
    searchAttributes: encodeSearchAttributes(options.searchAttributes, options.typedSearchAttributes) ?? run.info.searchAttributeFields,
  });
}
