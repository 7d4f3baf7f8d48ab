/**
 * The converters of a run, for whomever its payloads belong to: the run itself, its activities, its children, other workflows.
 *
 * A worker without converters of its own has one conversion for everything, so that calls of activities cost nothing more.
 */
import { defaultFailureConverter, type FailureConverter } from '../common/failure-converter.js';
import { defaultPayloadConverter, type PayloadConverter } from '../common/payload-converter.js';
import { activityContext, failureConverterInContext, payloadConverterInContext, type SerializationContext } from '../common/serialization-context.js';
import type { RunStart } from './activation.js';

/** How payloads of one owner are converted. */
export interface Conversion {
  readonly payloads: PayloadConverter;
  readonly failures: FailureConverter;
}

const PLAIN: Conversion = { payloads: defaultPayloadConverter, failures: defaultFailureConverter };

export class Conversions {
  readonly #start: RunStart;
  readonly #given: Conversion;
  /** For payloads of the run itself. */
  readonly own: Conversion;

  /** @param payloads what the worker's module exports; absent: the default. */
  constructor(start: RunStart, payloads: PayloadConverter = defaultPayloadConverter, failures: FailureConverter = defaultFailureConverter) {
    this.#start = start;
    this.#given = payloads === defaultPayloadConverter && failures === defaultFailureConverter ? PLAIN : { payloads, failures };
    this.own = this.ofWorkflow(start.workflowId);
  }

  /** In the run's namespace. */
  ofWorkflow(workflowId: string): Conversion {
    return this.#given === PLAIN ? PLAIN : this.#of({ type: 'workflow', namespace: this.#start.namespace, workflowId });
  }

  ofActivity(activityId: string, isLocal: boolean): Conversion {
    const { namespace, workflowId } = this.#start;
    return this.#given === PLAIN ? PLAIN : this.#of(activityContext(namespace, activityId, workflowId, isLocal));
  }

  #of(context: SerializationContext): Conversion {
    const { payloads, failures } = this.#given;
    return { payloads: payloadConverterInContext(payloads, context), failures: failureConverterInContext(failures, context) };
  }
}
