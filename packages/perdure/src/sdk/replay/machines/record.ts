/** Commands that only leave a record: patch markers, search attributes, memo. Nothing comes back. */
import { CommandType, EventType, Memo, Payloads, SearchAttributes, type Command, type HistoryEvent, type Init } from '../../../protocol/index.js';
import { defaultPayloadConverter, type Payload } from '../../common/payload-converter.js';
import type { CallSite } from '../../workflow/activation.js';
import type { QueuedCommand } from './machine.js';

/** Name and content of the marker are what all SDKs on the shared core write. */
const PATCH_MARKER = 'core_patch';
const PATCH_DATA = 'patch-data';
/** Lists the patches of a run, so that executions can be found by them. */
export const CHANGE_VERSION = 'TemporalChangeVersion';

export interface PatchMarker {
  readonly id: string;
  readonly deprecated: boolean;
}

/** The patch that a marker event records; undefined for other events. */
export function patchOf(event: HistoryEvent): PatchMarker | undefined {
  const marker = event.markerRecordedEventAttributes;
  if (marker?.markerName !== PATCH_MARKER) return undefined;
  const data = marker.details.get(PATCH_DATA);
  const [payload] = data === undefined ? [] : Payloads.decode(data).payloads;
  if (payload === undefined) return undefined;
  const { id, deprecated } = defaultPayloadConverter.fromPayload<Partial<PatchMarker>>(payload);
  return { id: String(id), deprecated: deprecated === true };
}

/** True for the search attribute update that goes with patch markers. */
export function isChangeVersionUpsert(event: HistoryEvent): boolean {
  const upsert = event.upsertWorkflowSearchAttributesEventAttributes?.searchAttributes;
  if (upsert === undefined) return false;
  const { indexedFields } = SearchAttributes.decode(upsert);
  return indexedFields.size === 1 && indexedFields.has(CHANGE_VERSION);
}

export class PatchCommand implements QueuedCommand {
  constructor(
    readonly patch: PatchMarker,
    readonly site: CallSite,
  ) {}

  get description(): string {
    return `record patch '${this.patch.id}'`;
  }

  matches(event: HistoryEvent): boolean {
    return patchOf(event)?.id === this.patch.id;
  }

  build(): Init<Command> {
    const { id, deprecated } = this.patch;
    return {
      commandType: CommandType.RECORD_MARKER,
      recordMarkerCommandAttributes: {
        markerName: PATCH_MARKER,
        details: new Map([[PATCH_DATA, Payloads.encode({ payloads: [defaultPayloadConverter.toPayload({ id, deprecated })] })]]),
      },
    };
  }
}

export class SearchAttributesCommand implements QueuedCommand {
  readonly description = 'upsert search attributes';
  readonly #fields: ReadonlyMap<string, Payload>;

  /** `optional`: goes with a patch; histories of older SDKs lack it. */
  constructor(
    fields: ReadonlyMap<string, Payload>,
    readonly site: CallSite | undefined,
    readonly optional = false,
  ) {
    this.#fields = fields;
  }

  matches(event: HistoryEvent): boolean {
    if (event.eventType !== EventType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES) return false;
    return isChangeVersionUpsert(event) === this.optional;
  }

  build(): Init<Command> {
    return {
      commandType: CommandType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
      upsertWorkflowSearchAttributesCommandAttributes: { searchAttributes: SearchAttributes.encode({ indexedFields: this.#fields }) },
    };
  }
}

export class MemoCommand implements QueuedCommand {
  readonly description = 'upsert memo';
  readonly #fields: ReadonlyMap<string, Payload>;

  constructor(
    fields: ReadonlyMap<string, Payload>,
    readonly site: CallSite,
  ) {
    this.#fields = fields;
  }

  matches(event: HistoryEvent): boolean {
    return event.eventType === EventType.WORKFLOW_PROPERTIES_MODIFIED;
  }

  build(): Init<Command> {
    return {
      commandType: CommandType.MODIFY_WORKFLOW_PROPERTIES,
      modifyWorkflowPropertiesCommandAttributes: { upsertedMemo: Memo.encode({ fields: this.#fields }) },
    };
  }
}
