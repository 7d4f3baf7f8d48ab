/** Creates schedules and gives handles of them. Each method is one request to the server, made through the connection's retries. */
import {
  Code,
  NamespaceNotFoundFailure,
  PerdureService,
  RpcError,
  WorkflowService,
  type Init,
  type Memo,
  type Method,
  type Schedule,
  type SchedulePatch,
  type ScheduleListEntry,
  type SearchAttributes as WireSearchAttributes,
} from '../../protocol/index.js';
import { composeInterceptors, encodeMapToBytes, encodeSearchAttributes, msOptionalToNumber, payloadMapToBytes, type Headers, type Workflow } from '../common/index.js';
import { brandedErrorClass } from '../common/error-brand.js';
import { BaseClient, type BaseClientOptions } from './base-client.js';
import type { CreateScheduleInput, CreateScheduleOutput, ScheduleClientInterceptor } from './interceptors.js';
import { rethrowRequestError } from './request-errors.js';
import { headerOf } from './workflow-calls.js';
import { describedSchedule, encodeAction, listedSchedule, skippedAction } from './schedule-description.js';
import { encodeScheduleSpec } from './schedule-spec.js';
import {
  ScheduleOverlapPolicy,
  scheduleOverlapPolicies,
  type Backfill,
  type ScheduleDescription,
  type ScheduleOptions,
  type ScheduleOptionsAction,
  type ScheduleOptionsStartWorkflowAction,
  type ScheduleSummary,
  type ScheduleUpdateOptions,
  type SkippedAction,
} from './schedule-types.js';

/** The id has a schedule. */
export class ScheduleAlreadyRunning extends Error {
  constructor(
    message: string,
    readonly scheduleId: string,
  ) {
    super(message);
  }
}
brandedErrorClass(ScheduleAlreadyRunning, 'ScheduleAlreadyRunning');

/** There is no schedule of this id (any more). */
export class ScheduleNotFoundError extends Error {
  constructor(
    message: string,
    readonly scheduleId: string,
  ) {
    super(message);
  }
}
brandedErrorClass(ScheduleNotFoundError, 'ScheduleNotFoundError');

/** One schedule, by its id. All methods throw {@link ScheduleNotFoundError} if it does not exist. */
export interface ScheduleHandle {
  readonly scheduleId: string;
  describe(): Promise<ScheduleDescription>;
  /**
   * The latest actions that were not taken, at most ten, and why: oldest first.
   *
   * @throws ServiceError with code UNIMPLEMENTED if the server is not Perdure's
   */
  skippedActions(): Promise<SkippedAction[]>;
  /**
   * Replaces the schedule by what `updateFn` makes of its description. What is running goes on; actions that were due before are not
   * taken again. `updateFn` may be called more than once.
   *
   * @throws TypeError if the spec makes no sense
   */
  update<W extends Workflow = Workflow>(
    updateFn: (previous: ScheduleDescription) => ScheduleUpdateOptions<ScheduleOptionsStartWorkflowAction<W>>,
  ): Promise<void>;
  /** Executions that it started go on. */
  delete(): Promise<void>;
  /** Takes an action now, also if the schedule is paused. @param overlap default ALLOW_ALL */
  trigger(overlap?: ScheduleOverlapPolicy): Promise<void>;
  /** Takes the actions of the given times, as if they passed now. */
  backfill(options: Backfill | Backfill[]): Promise<void>;
  /** @param note default `Paused via TypeScript SDK` */
  pause(note?: string): Promise<void>;
  /** @param note default `Unpaused via TypeScript SDK` */
  unpause(note?: string): Promise<void>;
  readonly client: ScheduleClient;
}

export interface ListScheduleOptions {
  /** How many the server gives at a time. Default: the server's. */
  pageSize?: number;
  /** Which schedules, in the list query language. Default: all. */
  query?: string;
}

const INVALID_SPEC = 'Invalid schedule spec: ';

export interface ScheduleClientOptions extends BaseClientOptions {
  /** Code around the creation of schedules. The first is the outermost. */
  interceptors?: readonly ScheduleClientInterceptor[];
}

export class ScheduleClient extends BaseClient {
  readonly #interceptors: readonly ScheduleClientInterceptor[];

  constructor(options: ScheduleClientOptions = {}) {
    super(options);
    this.#interceptors = options.interceptors ?? [];
  }

  /**
   * Creates a schedule.
   *
   * @throws ScheduleAlreadyRunning if the id is taken, TypeError if the spec makes no sense
   * @example
   * await client.schedule.create({
   *   scheduleId: 'nightly-report',
   *   spec: { calendars: [{ hour: 2 }], timezone: 'Europe/Berlin' },
   *   action: { type: 'startWorkflow', workflowType: report, taskQueue: 'reports' },
   * });
   */
  async create<W extends Workflow = Workflow>(options: ScheduleOptions<ScheduleOptionsStartWorkflowAction<W>>): Promise<ScheduleHandle> {
    if (!options.scheduleId) throw new TypeError('Missing ScheduleOptions.scheduleId');
    const create = composeInterceptors(this.#interceptors, 'create', (input) => this.#create(input));
    await create({ options: options satisfies ScheduleOptions, headers: {} });
    return this.getHandle(options.scheduleId);
  }

  async #create({ options, headers }: CreateScheduleInput): Promise<CreateScheduleOutput> {
    const { scheduleId, memo, state } = options;
    const request = {
      namespace: this.namespace,
      identity: this.identity,
      requestId: this.connection.newId(),
      scheduleId,
      schedule: await this.#encode(scheduleId, options, headers),
      memo: memo && (await encodeMapToBytes<Memo>(this.dataConverter, memo)),
      searchAttributes: encodedAttributes(options),
      initialPatch: {
        triggerImmediately: state?.triggerImmediately === true ? { overlapPolicy: scheduleOverlapPolicies.encode(ScheduleOverlapPolicy.ALLOW_ALL) } : undefined,
        backfillRequest: state?.backfill?.map(encodeBackfill),
      },
    };
    const { conflictToken } = await this.#request(WorkflowService.CreateSchedule, request, 'The schedule could not be created', scheduleId);
    return { conflictToken };
  }

  /** The handle of a schedule, whether it exists or not: its methods find out. */
  getHandle(scheduleId: string): ScheduleHandle {
    const about = { namespace: this.namespace, scheduleId };
    const describe = async (): Promise<ScheduleDescription> => {
      const raw = await this.#request(WorkflowService.DescribeSchedule, about, 'The schedule could not be described', scheduleId);
      return describedSchedule(scheduleId, raw, this.dataConverter, this.namespace);
    };
    const patch = async (given: Init<SchedulePatch>): Promise<void> => {
      const request = { ...about, identity: this.identity, requestId: this.connection.newId(), patch: given };
      await this.#request(WorkflowService.PatchSchedule, request, 'The schedule could not be changed', scheduleId);
    };
    return {
      client: this,
      scheduleId,
      describe,
      skippedActions: async () => {
        const { skippedActions } = await this.#request(PerdureService.ListSkippedActions, about, 'The skipped actions could not be listed', scheduleId);
        return skippedActions.map(skippedAction);
      },
      update: async (updateFn) => {
        const updated = updateFn(await describe());
        const request = {
          ...about,
          identity: this.identity,
          requestId: this.connection.newId(),
          schedule: await this.#encode(scheduleId, updated),
          searchAttributes: encodedAttributes(updated),
        };
        await this.#request(WorkflowService.UpdateSchedule, request, 'The schedule could not be updated', scheduleId);
      },
      delete: async () => {
        await this.#request(WorkflowService.DeleteSchedule, { ...about, identity: this.identity }, 'The schedule could not be deleted', scheduleId);
      },
      trigger: (overlap = ScheduleOverlapPolicy.ALLOW_ALL) => patch({ triggerImmediately: { overlapPolicy: scheduleOverlapPolicies.encode(overlap) } }),
      backfill: (options) => patch({ backfillRequest: (Array.isArray(options) ? options : [options]).map(encodeBackfill) }),
      pause: (note = 'Paused via TypeScript SDK') => patch({ pause: note }),
      unpause: (note = 'Unpaused via TypeScript SDK') => patch({ unpause: note }),
    };
  }

  /**
   * The schedules of the namespace, page by page as they are read.
   *
   * @example for await (const { scheduleId } of client.schedule.list()) console.log(scheduleId);
   */
  async *list({ pageSize = 0, query = '' }: ListScheduleOptions = {}): AsyncIterable<ScheduleSummary> {
    let nextPageToken: Uint8Array = new Uint8Array(0);
    do {
      const request = { namespace: this.namespace, maximumPageSize: pageSize, query, nextPageToken };
      const page: { schedules: ScheduleListEntry[]; nextPageToken: Uint8Array } = await this.#request(
        WorkflowService.ListSchedules, request, 'The schedules could not be listed',
      );
      for (const entry of page.schedules) yield await listedSchedule(entry, this.dataConverter);
      nextPageToken = page.nextPageToken;
    } while (nextPageToken.byteLength > 0);
  }

  async #encode(
    scheduleId: string,
    { spec, action, policies, state }: ScheduleUpdateOptions<ScheduleOptionsStartWorkflowAction<Workflow>>,
    headers: Headers = {},
  ): Promise<Init<Schedule>> {
    const context = { connection: this.connection, namespace: this.namespace, identity: this.identity, dataConverter: this.dataConverter };
    return {
      spec: encodeScheduleSpec(spec),
      action: { startWorkflow: { ...(await encodeAction(scheduleId, action satisfies ScheduleOptionsAction, context)), header: headerOf(headers) } },
      policies: {
        overlapPolicy: scheduleOverlapPolicies.encode(policies?.overlap),
        catchupWindow: msOptionalToNumber(policies?.catchupWindow),
        pauseOnFailure: policies?.pauseOnFailure,
      },
      state: {
        paused: state?.paused,
        notes: state?.note,
        limitedActions: state?.remainingActions !== undefined,
        remainingActions: state?.remainingActions,
      },
    };
  }

  async #request<Request, Response>(method: Method<Request, Response>, request: Init<Request>, what: string, scheduleId?: string): Promise<Response> {
    try {
      return await this.call(method, request);
    } catch (error) {
      if (error instanceof RpcError && scheduleId !== undefined) throwScheduleError(error, scheduleId);
      return rethrowRequestError(error, what, { namespace: this.namespace });
    }
  }
}

function throwScheduleError(error: RpcError, scheduleId: string): void {
  if (error.code === Code.ALREADY_EXISTS) throw new ScheduleAlreadyRunning('Schedule already exists and is running', scheduleId);
  if (error.code === Code.NOT_FOUND && error.detail(NamespaceNotFoundFailure) === undefined) throw new ScheduleNotFoundError(error.message, scheduleId);
  if (error.code === Code.INVALID_ARGUMENT && error.message.startsWith(INVALID_SPEC)) throw new TypeError(error.message.slice(INVALID_SPEC.length));
}

function encodeBackfill({ start, end, overlap }: Backfill): Init<SchedulePatch['backfillRequest'][number]> {
  return { startTime: start.getTime(), endTime: end.getTime(), overlapPolicy: scheduleOverlapPolicies.encode(overlap) };
}

function encodedAttributes({ searchAttributes, typedSearchAttributes }: Pick<ScheduleUpdateOptions, 'searchAttributes' | 'typedSearchAttributes'>) {
  const payloads = encodeSearchAttributes(searchAttributes, typedSearchAttributes);
  return payloads && payloadMapToBytes<WireSearchAttributes>(payloads);
}
