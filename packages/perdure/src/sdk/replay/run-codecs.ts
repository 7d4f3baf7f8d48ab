/**
 * The payload codecs of a worker as one run needs them: told whose payloads they encode and decode.
 *
 * That is the run itself for most of its history, the activity for what an activity gets and gives, the child or the other workflow for
 * what is sent to it or comes from it. Events that end an activity name only the event that scheduled it, so the ids of activities that
 * have not ended are remembered from task to task. Made only if the worker has codecs.
 */
import { activityEnd, childEnd } from '../../protocol/index.js';
import type { Command, HistoryEvent, Init } from '../../protocol/index.js';
import type { PayloadCodec } from '../common/payload-codec.js';
import { activityContext, codecsInContext } from '../common/serialization-context.js';
import { localActivityIdOf } from './machines/local-activity-marker.js';

type Codecs = readonly PayloadCodec[];

export class RunCodecs {
  readonly #given: Codecs;
  readonly #namespace: string;
  readonly #workflowId: string;
  /** By the event that scheduled it. */
  readonly #activityIds = new Map<number, string>();
  /** For payloads of the run itself. */
  readonly own: Codecs;

  constructor(given: Codecs, namespace: string, workflowId: string) {
    this.#given = given;
    this.#namespace = namespace;
    this.#workflowId = workflowId;
    this.own = this.#ofWorkflow(workflowId);
  }

  /** Called with all events that are at hand, before those that are new are decoded. */
  learn(events: readonly HistoryEvent[]): void {
    for (const { eventId, activityTaskScheduledEventAttributes: scheduled } of events) {
      if (scheduled !== undefined) this.#activityIds.set(eventId, scheduled.activityId);
    }
  }

  /** The activity has ended: nothing more comes of it. */
  forget(event: HistoryEvent): void {
    const ended = activityEnd(event);
    if (ended !== undefined) this.#activityIds.delete(ended.scheduledEventId);
  }

  ofEvent(event: HistoryEvent): Codecs {
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled !== undefined) return this.#ofActivity(scheduled.activityId, false);
    const ended = activityEnd(event);
    if (ended !== undefined) return this.#ofActivity(this.#activityIds.get(ended.scheduledEventId), false);
    const initiated = event.startChildWorkflowExecutionInitiatedEventAttributes;
    if (initiated !== undefined) return this.#ofWorkflow(initiated.workflowId);
    const other = childEnd(event) ?? event.signalExternalWorkflowExecutionInitiatedEventAttributes;
    if (other !== undefined) return this.#ofWorkflow(other.workflowExecution?.workflowId ?? '');
    const marker = event.markerRecordedEventAttributes;
    const localActivityId = marker && localActivityIdOf(marker.markerName, marker.details);
    return localActivityId === undefined ? this.own : this.#ofActivity(localActivityId, true);
  }

  ofCommand(command: Init<Command>): Codecs {
    const scheduled = command.scheduleActivityTaskCommandAttributes;
    if (scheduled !== undefined) return this.#ofActivity(scheduled.activityId, false);
    const child = command.startChildWorkflowExecutionCommandAttributes;
    if (child !== undefined) return this.#ofWorkflow(child.workflowId ?? '');
    const signal = command.signalExternalWorkflowExecutionCommandAttributes;
    if (signal !== undefined) return this.#ofWorkflow(signal.execution?.workflowId ?? '');
    const marker = command.recordMarkerCommandAttributes;
    const localActivityId = marker && localActivityIdOf(marker.markerName, marker.details);
    return localActivityId === undefined ? this.own : this.#ofActivity(localActivityId, true);
  }

  #ofWorkflow(workflowId: string): Codecs {
    return codecsInContext(this.#given, { type: 'workflow', namespace: this.#namespace, workflowId });
  }

  #ofActivity(activityId: string | undefined, isLocal: boolean): Codecs {
    return codecsInContext(this.#given, activityContext(this.#namespace, activityId, this.#workflowId, isLocal));
  }
}
