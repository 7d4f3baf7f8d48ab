/**
 * Payload codecs (encryption, compression) around the realm: events are decoded before workflow code sees them, commands are encoded after.
 *
 * Only called when codecs are configured. Search attributes and headers pass as they are: servers read the former, and the latter belong
 * to whoever wrote them.
 */
import {
  Failure,
  Memo,
  Payloads,
  UserMetadata,
  type Command,
  type Encoded,
  type HistoryEvent,
  type Init,
  type UpdateRequest,
  type WorkflowQuery,
} from '../../protocol/index.js';
import { decodeFailure, encodeFailure } from '../common/data-converter.js';
import { decodePayloadsWithCodecs, encodePayloadsWithCodecs, type PayloadCodec } from '../common/payload-codec.js';
import type { Payload } from '../common/payload-converter.js';
import { isLocalActivityMarker, LOCAL_ACTIVITY_MARKER, LOCAL_ACTIVITY_RESULT } from './machines/local-activity-marker.js';
import type { RunCodecs } from './run-codecs.js';
import { setDecodedArguments, type OutgoingUpdate } from './updates.js';

type Pass = (codecs: readonly PayloadCodec[], payloads: readonly Payload[]) => Promise<readonly Payload[]>;

const PAYLOADS_FIELDS = ['input', 'result', 'details', 'lastCompletionResult'] as const;
const FAILURE_FIELDS = ['failure', 'continuedFailure'] as const;
const MEMO_FIELDS = ['memo', 'upsertedMemo'] as const;

/** A codec may ask a key service or a store for each payload: many events wait together, but not all of a long history. */
const EVENTS_AT_A_TIME = 64;

/** Replaces the payloads in place: the events were decoded for this task alone. */
export async function decodeEvents(codecs: RunCodecs, events: readonly HistoryEvent[]): Promise<void> {
  for (let from = 0; from < events.length; from += EVENTS_AT_A_TIME) {
    await Promise.all(events.slice(from, from + EVENTS_AT_A_TIME).map((event) => decodeEvent(codecs.ofEvent(event), event)));
  }
  for (const event of events) codecs.forget(event);
}

async function decodeEvent(codecs: readonly PayloadCodec[], event: HistoryEvent): Promise<void> {
  const attributes = attributesOf(event);
  if (attributes !== undefined) await passFields(codecs, attributes, decodePayloadsWithCodecs, decodeFailure);
  const request = requestOf(event);
  if (request !== undefined) await decodeUpdateRequest(codecs, request);
  if (isLocalActivityMarker(event)) {
    const marker = event.markerRecordedEventAttributes!;
    await passFields(codecs, marker as unknown as Record<string, unknown>, decodePayloadsWithCodecs, decodeFailure);
    marker.details = await passResult(codecs, marker.details, decodePayloadsWithCodecs);
  }
}

/** Leaves the request as it is, because it goes back to the server; the decoded arguments are kept beside it. */
export async function decodeUpdateRequest(codecs: readonly PayloadCodec[], request: UpdateRequest): Promise<void> {
  const args = await passPayloads(codecs, request.input?.args, decodePayloadsWithCodecs);
  if (args !== undefined) setDecodedArguments(request, args);
}

/** Copies of the answers with their payloads encoded. */
export async function encodeUpdates(codecs: readonly PayloadCodec[], answers: readonly OutgoingUpdate[]): Promise<OutgoingUpdate[]> {
  const encoded: OutgoingUpdate[] = [];
  for (const answer of answers) {
    if (answer.kind === 'rejected') encoded.push({ ...answer, failure: await encodeFailure(codecs, answer.failure) });
    else if (answer.kind === 'accepted') encoded.push(answer);
    else if (answer.result.ok) encoded.push({ ...answer, result: { ok: true, payload: await encodeAnswer(codecs, answer.result.payload) } });
    else encoded.push({ ...answer, result: { ok: false, failure: await encodeFailure(codecs, answer.result.failure) } });
  }
  return encoded;
}

export async function decodeQuery(codecs: readonly PayloadCodec[], query: WorkflowQuery): Promise<WorkflowQuery> {
  return { ...query, queryArgs: await passPayloads(codecs, query.queryArgs, decodePayloadsWithCodecs) };
}

/** Copies of the commands with their payloads encoded. */
export async function encodeCommands(codecs: RunCodecs, commands: readonly Init<Command>[]): Promise<Init<Command>[]> {
  const encoded: Init<Command>[] = [];
  for (let from = 0; from < commands.length; from += EVENTS_AT_A_TIME) {
    encoded.push(...(await Promise.all(commands.slice(from, from + EVENTS_AT_A_TIME).map((command) => encodeCommand(codecs.ofCommand(command), command)))));
  }
  return encoded;
}

async function encodeCommand(codecs: readonly PayloadCodec[], command: Init<Command>): Promise<Init<Command>> {
  const copy: Record<string, unknown> = { ...command };
  for (const [name, value] of Object.entries(command)) {
    if (!name.endsWith('CommandAttributes') || typeof value !== 'object' || value === null) continue;
    const attributes: Record<string, unknown> = { ...value };
    // In markers, only results and failures of local activities are user data.
    if (name !== 'recordMarkerCommandAttributes') await passFields(codecs, attributes, encodePayloadsWithCodecs, encodeFailure);
    else if (command.recordMarkerCommandAttributes?.markerName === LOCAL_ACTIVITY_MARKER) {
      await passFields(codecs, attributes, encodePayloadsWithCodecs, encodeFailure);
      attributes['details'] = await passResult(codecs, command.recordMarkerCommandAttributes.details ?? new Map(), encodePayloadsWithCodecs);
    }
    copy[name] = attributes;
  }
  if (command.userMetadata !== undefined) copy['userMetadata'] = await passUserMetadata(codecs, command.userMetadata);
  return copy as Init<Command>;
}

export async function encodeAnswer(codecs: readonly PayloadCodec[], payload: Payload): Promise<Payload> {
  const [encoded] = await encodePayloadsWithCodecs(codecs, [payload]);
  return encoded ?? payload;
}

function attributesOf(event: HistoryEvent): Record<string, unknown> | undefined {
  for (const [name, value] of Object.entries(event)) {
    if (name.endsWith('EventAttributes') && name !== 'markerRecordedEventAttributes' && typeof value === 'object') {
      return value as Record<string, unknown>;
    }
  }
  return undefined;
}

async function passFields(
  codecs: readonly PayloadCodec[],
  attributes: Record<string, unknown>,
  pass: Pass,
  passFailure: typeof decodeFailure,
): Promise<void> {
  for (const field of PAYLOADS_FIELDS) {
    const value = attributes[field];
    if (value instanceof Uint8Array) attributes[field] = await passPayloads(codecs, value, pass);
    else if (isPayload(value)) [attributes[field]] = await pass(codecs, [value]);
  }
  for (const field of FAILURE_FIELDS) {
    const bytes = attributes[field];
    if (bytes instanceof Uint8Array) attributes[field] = Failure.encode(await passFailure(codecs, Failure.decode(bytes)));
  }
  for (const field of MEMO_FIELDS) {
    const bytes = attributes[field];
    if (bytes instanceof Uint8Array) attributes[field] = await passMemo(codecs, bytes, pass);
  }
}

/** Nexus operations have one payload where others have a list. */
function isPayload(value: unknown): value is Payload {
  return typeof value === 'object' && value !== null && 'data' in value;
}

function requestOf(event: HistoryEvent): UpdateRequest | undefined {
  return event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest ?? event.workflowExecutionUpdateAdmittedEventAttributes?.request;
}

/** The result in the details of a local activity's marker. */
async function passResult(
  codecs: readonly PayloadCodec[],
  details: ReadonlyMap<string, Encoded<Payloads>>,
  pass: Pass,
): Promise<Map<string, Encoded<Payloads>>> {
  const passed = new Map(details);
  const result = await passPayloads(codecs, details.get(LOCAL_ACTIVITY_RESULT), pass);
  if (result !== undefined) passed.set(LOCAL_ACTIVITY_RESULT, result);
  return passed;
}

async function passPayloads(codecs: readonly PayloadCodec[], bytes: Encoded<Payloads> | undefined, pass: Pass): Promise<Encoded<Payloads> | undefined> {
  return bytes && Payloads.encode({ payloads: await pass(codecs, Payloads.decode(bytes).payloads) });
}

async function passMemo(codecs: readonly PayloadCodec[], bytes: Encoded<Memo>, pass: Pass): Promise<Encoded<Memo>> {
  const { fields } = Memo.decode(bytes);
  const payloads = await pass(codecs, [...fields.values()]);
  return Memo.encode({ fields: new Map([...fields.keys()].map((key, index) => [key, payloads[index]!])) });
}

async function passUserMetadata(codecs: readonly PayloadCodec[], bytes: Encoded<UserMetadata>): Promise<Encoded<UserMetadata>> {
  const { summary, details } = UserMetadata.decode(bytes);
  return UserMetadata.encode({
    summary: summary && (await encodeAnswer(codecs, summary)),
    details: details && (await encodeAnswer(codecs, details)),
  });
}
