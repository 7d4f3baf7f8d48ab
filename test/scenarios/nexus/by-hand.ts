/** Commands that no workflow makes. */
import { CommandType, Payload, type Command, type Init } from '#perdure/protocol/index';

export const json = (value: unknown): Payload => Payload.create({ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(value)) });

export const scheduleCommand = (endpoint: string, attributes: Init<Command>['scheduleNexusOperationCommandAttributes'] = {}): Init<Command> => ({
  commandType: CommandType.SCHEDULE_NEXUS_OPERATION,
  scheduleNexusOperationCommandAttributes: { endpoint, service: 'cards', operation: 'quote', input: json('in'), ...attributes },
});

export const cancelCommand = (scheduledEventId: number): Init<Command> => ({
  commandType: CommandType.REQUEST_CANCEL_NEXUS_OPERATION,
  requestCancelNexusOperationCommandAttributes: { scheduledEventId },
});
