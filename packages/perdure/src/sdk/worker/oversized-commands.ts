/**
 * Commands whose data the server would not take. It would fail the task and end the run for good; here the task fails and is tried again, so
 * a run survives until its code, or the worker's external storage, is mended. Called by the workflow runner before it answers a task.
 */
import { WorkflowTaskFailedCause, type Command, type Init, type Message } from '../../protocol/index.js';
import type { FailedTask } from '../replay/outcome.js';

const FIELDS = ['input', 'result', 'details', 'lastCompletionResult', 'memo', 'upsertedMemo'] as const;

/** Why the task cannot be answered with these; undefined if it can. */
export function oversizedCommand(commands: readonly Init<Command>[], messages: readonly Init<Message>[], limitBytes: number): FailedTask | undefined {
  for (const command of commands) {
    for (const [name, attributes] of Object.entries(command)) {
      if (!name.endsWith('CommandAttributes') || typeof attributes !== 'object' || attributes === null) continue;
      for (const field of FIELDS) {
        const size = sizeOf(Reflect.get(attributes, field));
        if (size > limitBytes) return tooLarge(`${name.replace('CommandAttributes', '')}.${field}${subjectOf(attributes)}`, size, limitBytes);
      }
    }
  }
  for (const { body } of messages) {
    const size = body?.value?.byteLength ?? 0;
    if (size > limitBytes) return tooLarge('the outcome of an update', size, limitBytes);
  }
  return undefined;
}

/** Markers have their details by name. */
function sizeOf(value: unknown): number {
  if (value instanceof Uint8Array) return value.byteLength;
  if (typeof value === 'object' && value !== null && 'data' in value) return sizeOf(value.data);
  if (!(value instanceof Map)) return 0;
  return Math.max(0, ...[...value.values()].map((entry: unknown) => (entry instanceof Uint8Array ? entry.byteLength : 0)));
}

function subjectOf(attributes: object): string {
  for (const key of ['activityType', 'workflowType', 'signalName', 'markerName', 'operation']) {
    const value: unknown = Reflect.get(attributes, key);
    const name: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'name') : value;
    if (typeof name === 'string' && name !== '') return ` of '${name}'`;
  }
  return '';
}

function tooLarge(what: string, size: number, limitBytes: number): FailedTask {
  return {
    kind: 'failed',
    cause: WorkflowTaskFailedCause.PAYLOADS_TOO_LARGE,
    failure: {
      message:
        `${what} has ${size} bytes, and the namespace takes at most ${limitBytes}. Nothing was sent; the task is tried again. Pass a reference to data ` +
        'that is stored elsewhere: `externalStorage` of the data converter does it for you.',
      source: 'perdure',
      applicationFailureInfo: { type: 'PayloadsTooLarge' },
    },
  };
}
