/**
 * Updates as they come in and as their answers go out.
 *
 * A request comes as a message beside the task (nothing of it is in history yet), as an UpdateAdmitted event (after a reset), or, in a
 * replay, as the request inside the UpdateAccepted event. Answers are messages; those that leave an event have a command as well, which
 * says where in the order of commands the event belongs.
 *
 * The request goes back to the server inside the answer exactly as it came. So payload codecs must not touch it: what they decode of it
 * is kept beside it, see {@link setDecodedArguments}.
 */
import {
  Acceptance,
  Failure,
  Rejection,
  UpdateRequest,
  UpdateResponse,
  type Encoded,
  type HistoryEvent,
  type Init,
  type Message,
  type Payloads,
} from '../../protocol/index.js';
import type { UpdateResult } from '../workflow/activation.js';
import { encodePayloads, payloadsOf } from './wire.js';
import type { Payload } from '../common/payload-converter.js';

/** A request that a run is to handle. */
export interface IncomingUpdate {
  readonly messageId: string;
  readonly protocolInstanceId: string;
  /** It belongs after this event and before the next. */
  readonly sequencingEventId: number;
  readonly request: UpdateRequest;
}

/** An answer before payload codecs have seen it. */
export type OutgoingUpdate =
  | { readonly kind: 'accepted'; readonly update: IncomingUpdate }
  | { readonly kind: 'rejected'; readonly update: IncomingUpdate; readonly failure: Failure }
  | { readonly kind: 'completed'; readonly update: IncomingUpdate; readonly result: UpdateResult };

const REQUEST_TYPE = 'temporal.api.update.v1.Request';
const TYPE_PREFIX = 'type.googleapis.com/';

/** @throws TypeError for a message that is no update request: the server speaks a protocol that this version does not know. */
export function updateOfMessage(message: Message): IncomingUpdate {
  const { body } = message;
  if (body === undefined || !body.typeUrl.endsWith(`/${REQUEST_TYPE}`)) {
    throw new TypeError(`The workflow task carries a message of type '${body?.typeUrl ?? ''}', which this version of perdure does not know. Use a newer version.`);
  }
  return {
    messageId: message.id,
    protocolInstanceId: message.protocolInstanceId,
    sequencingEventId: message.eventId ?? 0,
    request: UpdateRequest.decode(body.value),
  };
}

/** The request that an UpdateAdmitted event carries; undefined for other events. */
export function admittedUpdate(event: HistoryEvent): IncomingUpdate | undefined {
  const request = event.workflowExecutionUpdateAdmittedEventAttributes?.request;
  if (request === undefined) return undefined;
  const updateId = request.meta?.updateId ?? '';
  return { messageId: `${updateId}/request`, protocolInstanceId: updateId, sequencingEventId: event.eventId, request };
}

/** The request that an UpdateAccepted event carries; undefined for other events, and when an UpdateAdmitted event carries it. */
export function acceptedUpdate(event: HistoryEvent): IncomingUpdate | undefined {
  const accepted = event.workflowExecutionUpdateAcceptedEventAttributes;
  if (accepted?.acceptedRequest === undefined) return undefined;
  return {
    messageId: accepted.acceptedRequestMessageId,
    protocolInstanceId: accepted.protocolInstanceId,
    sequencingEventId: accepted.acceptedRequestSequencingEventId,
    request: accepted.acceptedRequest,
  };
}

const decodedArguments = new WeakMap<UpdateRequest, Encoded<Payloads>>();

/** Keeps what payload codecs made of the arguments of a request. */
export function setDecodedArguments(request: UpdateRequest, args: Encoded<Payloads>): void {
  decodedArguments.set(request, args);
}

/** The arguments as workflow code reads them. */
export function argumentsOf(request: UpdateRequest): readonly Payload[] {
  return payloadsOf(decodedArguments.get(request) ?? request.input?.args);
}

/** The id of the message; the command that goes with it names it. */
export function messageIdOf({ kind, update }: OutgoingUpdate): string {
  return `${update.messageId}/${kind === 'accepted' ? 'accept' : kind === 'rejected' ? 'reject' : 'complete'}`;
}

/** For the wire. */
export function messageOf(outgoing: OutgoingUpdate): Init<Message> {
  const { update } = outgoing;
  const [type, value] = bodyOf(outgoing);
  return { id: messageIdOf(outgoing), protocolInstanceId: update.protocolInstanceId, body: { typeUrl: TYPE_PREFIX + type, value } };
}

function bodyOf(outgoing: OutgoingUpdate): [type: string, value: Uint8Array] {
  const { messageId, sequencingEventId, request } = outgoing.update;
  switch (outgoing.kind) {
    case 'accepted': {
      const acceptance = { acceptedRequestMessageId: messageId, acceptedRequestSequencingEventId: sequencingEventId, acceptedRequest: request };
      return [Acceptance.typeName, Acceptance.encode(acceptance)];
    }
    case 'rejected': {
      const failure = Failure.encode(outgoing.failure);
      const rejection = { rejectedRequestMessageId: messageId, rejectedRequestSequencingEventId: sequencingEventId, rejectedRequest: request, failure };
      return [Rejection.typeName, Rejection.encode(rejection)];
    }
    case 'completed': {
      const { result } = outgoing;
      const outcome = result.ok ? { success: encodePayloads([result.payload]) } : { failure: Failure.encode(result.failure) };
      return [UpdateResponse.typeName, UpdateResponse.encode({ meta: request.meta, outcome })];
    }
  }
}
