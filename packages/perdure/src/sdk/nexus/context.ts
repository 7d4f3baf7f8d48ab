/**
 * What a handler of a Nexus operation can ask of its surroundings.
 *
 * The worker runs each handler inside {@link handlerContexts}, so nested calls find the context after every `await`, while many handlers
 * share the thread. What belongs to the request itself (headers, links, deadline) is in the context that nexus-rpc hands to the handler.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { CancelOperationContext, StartOperationContext } from 'nexus-rpc';
import type { Client } from '../client/index.js';
import { IllegalStateError, type Logger, type MetricMeter } from '../common/index.js';

/** What the worker provides. */
export interface HandlerContext extends OperationInfo {
  readonly log: Logger;
  readonly metricMeter: MetricMeter;
  readonly client: Client;
}

export interface OperationInfo {
  /** Of the worker. */
  readonly namespace: string;
  /** Of the worker. */
  readonly taskQueue: string;
  /** The endpoint by which the request came; empty if the server does not tell. */
  readonly endpoint: string;
}

/** What the start of a `TemporalOperationHandler` gets. */
export interface TemporalStartOperationContext extends StartOperationContext {}

/** What the cancellation of a `TemporalOperationHandler` gets. */
export interface TemporalCancelOperationContext extends CancelOperationContext {}

/** Carries the context of the running handler. Workers and test environments enter it. */
export const handlerContexts = new AsyncLocalStorage<HandlerContext>();

/** @throws IllegalStateError outside of a handler. */
export function handlerContext(): HandlerContext {
  const context = handlerContexts.getStore();
  if (context === undefined) {
    throw new IllegalStateError(
      'No Nexus operation handler is running here. Call this from a handler that a worker runs (its option `nexusServices`); to call an ' +
        "operation from a workflow use createNexusServiceClient from 'perdure/workflow'.",
    );
  }
  return context;
}

/** A client for the worker's server and namespace. @throws IllegalStateError outside of a handler. */
export function getClient(): Client {
  return handlerContext().client;
}

/** Where the running handler runs. @throws IllegalStateError outside of a handler. */
export function operationInfo(): OperationInfo {
  const { namespace, taskQueue, endpoint } = handlerContext();
  return { namespace, taskQueue, endpoint };
}

/** Logs through the runtime's logger, with namespace, task queue, service and operation attached. */
export const log: Logger = {
  log: (...args) => handlerContext().log.log(...args),
  trace: (...args) => handlerContext().log.trace(...args),
  debug: (...args) => handlerContext().log.debug(...args),
  info: (...args) => handlerContext().log.info(...args),
  warn: (...args) => handlerContext().log.warn(...args),
  error: (...args) => handlerContext().log.error(...args),
};

/** Makes metrics that the worker exports, tagged with `namespace`, `taskQueue`, `service` and `operation`. */
export const metricMeter: MetricMeter = {
  createCounter: (...args) => handlerContext().metricMeter.createCounter(...args),
  createHistogram: (...args) => handlerContext().metricMeter.createHistogram(...args),
  createGauge: (...args) => handlerContext().metricMeter.createGauge(...args),
  createUpDownCounter: (...args) => handlerContext().metricMeter.createUpDownCounter(...args),
  withTags: (tags) => handlerContext().metricMeter.withTags(tags),
};
