/** The chains of interceptors around one attempt of an activity, local or not. */
import { Header, type Encoded } from '../../protocol/index.js';
import type { Context } from '../activity/context.js';
import type { ActivityInboundCallsInterceptor, ActivityInterceptorsFactory, ActivityOutboundCallsInterceptor } from '../activity/interceptors.js';
import { composeInterceptors, RecordingMeter, type Headers, type Logger, type LogMetadata, type MetricMeter, type MetricTags, type Payload, type RecordMetric } from '../common/index.js';
import { withMetadata } from './logging.js';

export class AttemptInterceptors {
  readonly #inbound: ActivityInboundCallsInterceptor[] = [];
  readonly #outbound: ActivityOutboundCallsInterceptor[] = [];

  /** @throws whatever a factory throws: the attempt fails. */
  constructor(factories: readonly ActivityInterceptorsFactory[], context: Context) {
    for (const factory of factories) {
      const { inbound, outbound } = factory(context);
      if (inbound !== undefined) this.#inbound.push(inbound);
      if (outbound !== undefined) this.#outbound.push(outbound);
    }
  }

  /** Calls the activity function through the interceptors. */
  async execute(activity: (...args: readonly unknown[]) => unknown, args: unknown[], headers: Headers): Promise<unknown> {
    return composeInterceptors(this.#inbound, 'execute', async (input) => activity(...input.args))({ args, headers });
  }

  /** A logger whose lines carry what the interceptors make of `attributes`. */
  logger(logger: Logger, attributes: LogMetadata): Logger {
    return withMetadata(logger, () => composeInterceptors(this.#outbound, 'getLogAttributes', (unchanged) => unchanged)({ ...attributes }));
  }

  /** A meter whose values carry what the interceptors make of `tags`. */
  meter(record: RecordMetric, tags: MetricTags): MetricMeter {
    return new RecordingMeter(record, () => composeInterceptors(this.#outbound, 'getMetricTags', (unchanged) => unchanged)({ ...tags }));
  }
}

/** The meter of an attempt, whose values carry `tags`, or what the interceptors make of them. */
export function attemptMeter(record: RecordMetric, tags: MetricTags, interceptors: AttemptInterceptors | undefined): MetricMeter {
  return interceptors?.meter(record, tags) ?? new RecordingMeter(record, () => tags);
}

/** Headers as interceptors see them. */
export function headersOf(encoded: Encoded<Header> | undefined): Headers {
  return encoded === undefined ? {} : headersFrom(Header.decode(encoded).fields);
}

export function headersFrom(fields: ReadonlyMap<string, Payload> | undefined): Headers {
  return fields === undefined ? {} : Object.fromEntries(fields);
}
