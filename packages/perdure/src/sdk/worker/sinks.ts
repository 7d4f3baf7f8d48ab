/**
 * The worker's side of sinks: functions that workflow code can call, without an answer.
 *
 * Calls are made in the order in which workflow code made them, after it has done its turn. A workflow task is answered only when the
 * promises that its calls gave have ended, so a slow sink slows its workflow down and cannot pile up. An error of a sink is logged and
 * nothing more: it must not reach the workflow. A task that fails and is tried again calls again.
 */
import type { Logger } from '../common/index.js';
import type { SinkHost } from '../sandbox/realm.js';
import type { WorkflowInfo } from '../workflow/info.js';
import type { Sink, SinkCall, SinkFunction, Sinks } from '../workflow/sinks.js';

export interface InjectedSinkFunction<F extends SinkFunction> {
  /** Gets what is known of the calling workflow, and the arguments of the call. What it returns is waited for and dropped. */
  fn(info: WorkflowInfo, ...args: Parameters<F>): void | Promise<void>;
  /** Call it also when history is repeated. Default: false. */
  callDuringReplay?: boolean;
}

export type InjectedSink<T extends Sink> = { [Name in keyof T]: InjectedSinkFunction<T[Name]> };

/**
 * What the worker's option `sinks` holds for the type that workflow code gives `proxySinks`.
 *
 * @example const sinks: InjectedSinks<Meters> = { orders: { counted: { fn: (info, kind) => void meter.add(kind, info.workflowType) } } };
 */
export type InjectedSinks<T extends Sinks> = { [Name in keyof T]: InjectedSink<T[Name]> };

/** `replayOnly`: everything is a repetition, also what lies behind the last event. */
export function sinkHost(sinks: InjectedSinks<Sinks> | undefined, logger: Logger, replayOnly = false): SinkHost {
  /** Calls that have not ended, by run. */
  const running = new Map<string, Set<Promise<void>>>();

  async function make(call: SinkCall): Promise<void> {
    const { ifaceName, fnName, workflowInfo } = call;
    const sink = sinks?.[ifaceName]?.[fnName];
    const { workflowId, runId, workflowType } = workflowInfo;
    const attributes = { sdkComponent: 'worker', ifaceName, fnName, workflowId, runId, workflowType };
    if (sink === undefined) {
      if (!replayOnly) logger.error('Workflow code calls a sink that the worker was not given. Add it to the option `sinks`.', attributes);
      return;
    }
    if (sink.callDuringReplay !== true && (replayOnly || call.isReplaying)) return;
    try {
      // Copied, so that they are ordinary objects here, and not those of the realm.
      await sink.fn(workflowInfo, ...structuredClone(call.args));
    } catch (error) {
      logger.error('A sink failed', { ...attributes, error });
    }
  }

  return {
    call(calls) {
      for (const call of calls) {
        const { runId } = call.workflowInfo;
        const ofRun = running.get(runId) ?? new Set();
        running.set(runId, ofRun);
        const made = make(call).finally(() => {
          ofRun.delete(made);
          if (ofRun.size === 0) running.delete(runId);
        });
        ofRun.add(made);
      }
    },
    done(runId) {
      const ofRun = running.get(runId);
      return ofRun && Promise.all(ofRun).then(() => undefined);
    },
  };
}
