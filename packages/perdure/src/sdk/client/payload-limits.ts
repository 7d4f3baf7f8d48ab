/**
 * Requests whose data the server would refuse for its size are refused here, before they are sent: with the name of the field, its size
 * and what to do. Called by {@link Connection.call} for each request; those without large fields cost one look-up.
 *
 * The limits are the namespace's own, asked for when the first large field is about to be sent. A server that does not tell them decides
 * by itself. What is large and still allowed is logged: it makes histories slow to load long before it is refused.
 */
import { WorkflowService, type Init, type Method, type StartWorkflowExecutionRequest } from '../../protocol/index.js';
import { ValueError } from '../common/index.js';
import { brandedErrorClass } from '../common/error-brand.js';

export interface PayloadLimitsConfig {
  /** From how many bytes on a field is logged. 0: never. Default: 512 KiB. */
  readonly payloadsWarnSize?: number;
  /** From how many bytes on a memo is logged. 0: never. Default: 2 KiB. */
  readonly memoWarnSize?: number;
}

/** A field of a request has more bytes than the namespace takes. Nothing was sent. */
export class PayloadsTooLargeError extends ValueError {
  constructor(
    /** For example `StartWorkflowExecution.input`. */
    readonly field: string,
    readonly sizeBytes: number,
    readonly limitBytes: number,
    namespace: string,
  ) {
    super(
      `${field} has ${sizeBytes} bytes, and namespace '${namespace}' takes at most ${limitBytes}. Send a reference to data that is stored elsewhere: ` +
        '`externalStorage` of the data converter does it for you.',
    );
  }
}
brandedErrorClass(PayloadsTooLargeError, 'PayloadsTooLargeError');

interface Limits {
  readonly payloadsBytes: number;
  readonly memoBytes: number;
}

type Kind = 'payloads' | 'memo';
type Field = readonly [name: string, bytes: Uint8Array | undefined, kind?: Kind];
type Fields = (request: never) => readonly Field[];

/** No namespace has a limit below this, so smaller fields need no question. */
const SMALLEST_LIMIT_BYTES = 256 * 1024;
const SMALLEST_MEMO_LIMIT_BYTES = 2 * 1024;
const DEFAULT_PAYLOADS_WARN_BYTES = 512 * 1024;
const DEFAULT_MEMO_WARN_BYTES = 2 * 1024;
const MOST_NAMESPACES = 1_000;

const start = ({ input, memo }: Init<StartWorkflowExecutionRequest>): Field[] => [['input', input], ['memo', memo, 'memo']];

const FIELDS: ReadonlyMap<string, Fields> = new Map<string, Fields>([
  fieldsOf(WorkflowService.StartWorkflowExecution, start),
  fieldsOf(WorkflowService.StartActivityExecution, ({ input }) => [['input', input]]),
  fieldsOf(WorkflowService.SignalWithStartWorkflowExecution, ({ input, memo, signalInput }) => [['input', input], ['memo', memo, 'memo'], ['signalInput', signalInput]]),
  fieldsOf(WorkflowService.ExecuteMultiOperation, ({ operations = [] }) =>
    operations.flatMap(({ startWorkflow, updateWorkflow }): Field[] => [...(startWorkflow ? start(startWorkflow) : []), ['update.args', updateWorkflow?.request?.input?.args]]),
  ),
  fieldsOf(WorkflowService.SignalWorkflowExecution, ({ input }) => [['input', input]]),
  fieldsOf(WorkflowService.QueryWorkflow, ({ query }) => [['queryArgs', query?.queryArgs]]),
  fieldsOf(WorkflowService.UpdateWorkflowExecution, ({ request }) => [['args', request?.input?.args]]),
  fieldsOf(WorkflowService.TerminateWorkflowExecution, ({ details }) => [['details', details]]),
  fieldsOf(WorkflowService.CreateSchedule, ({ schedule, memo }) => [['action.input', schedule?.action?.startWorkflow?.input], ['memo', memo, 'memo']]),
  fieldsOf(WorkflowService.UpdateSchedule, ({ schedule }) => [['action.input', schedule?.action?.startWorkflow?.input]]),
  fieldsOf(WorkflowService.RespondActivityTaskCompleted, ({ result }) => [['result', result]]),
  fieldsOf(WorkflowService.RespondActivityTaskCompletedById, ({ result }) => [['result', result]]),
  fieldsOf(WorkflowService.RecordActivityTaskHeartbeat, ({ details }) => [['details', details]]),
  fieldsOf(WorkflowService.RecordActivityTaskHeartbeatById, ({ details }) => [['details', details]]),
]);

function fieldsOf<Request, Response>({ path }: Method<Request, Response>, fields: (request: Init<Request>) => readonly Field[]): [string, Fields] {
  return [path, fields];
}

export interface PayloadLimitsOptions extends PayloadLimitsConfig {
  /** The namespace's limits; undefined if the server does not tell. */
  readonly ask: (namespace: string) => Promise<Limits | undefined>;
  readonly warn: (message: string) => void;
}

export class PayloadLimits {
  readonly #options: PayloadLimitsOptions;
  readonly #warnBytes: Readonly<Record<Kind, number>>;
  readonly #byNamespace = new Map<string, Promise<Limits | undefined>>();

  constructor(options: PayloadLimitsOptions) {
    const { payloadsWarnSize = DEFAULT_PAYLOADS_WARN_BYTES, memoWarnSize = DEFAULT_MEMO_WARN_BYTES } = options;
    this.#options = options;
    this.#warnBytes = { payloads: payloadsWarnSize || Infinity, memo: memoWarnSize || Infinity };
  }

  /** Undefined where there is nothing to wait for, which is nearly always. @throws PayloadsTooLargeError */
  check<Request, Response>(method: Method<Request, Response>, request: Init<Request>): Promise<void> | undefined {
    const large = FIELDS.get(method.path)?.(request as never).filter(isLarge);
    return large === undefined || large.length === 0 ? undefined : this.#check(method.name, namespaceOf(request as object), large);
  }

  async #check(method: string, namespace: string, fields: readonly Field[]): Promise<void> {
    const limits = await this.#limitsOf(namespace);
    for (const [name, bytes, kind = 'payloads'] of fields) {
      const size = bytes?.byteLength ?? 0;
      const limit = (kind === 'memo' ? limits?.memoBytes : limits?.payloadsBytes) ?? Infinity;
      if (size > limit) throw new PayloadsTooLargeError(`${method}.${name}`, size, limit, namespace);
      if (size >= this.#warnBytes[kind]) {
        this.#options.warn(`${method}.${name} has ${size} bytes. It is sent, but every replay loads it again${limit === Infinity ? '' : `; at most ${limit} are taken`}. Consider \`externalStorage\`.`);
      }
    }
  }

  #limitsOf(namespace: string): Promise<Limits | undefined> {
    let limits = this.#byNamespace.get(namespace);
    if (limits === undefined) {
      limits = this.#options.ask(namespace).catch(() => {
        // The request itself will say what is wrong with the server or the namespace.
        this.#byNamespace.delete(namespace);
        return undefined;
      });
      if (this.#byNamespace.size >= MOST_NAMESPACES) this.#byNamespace.clear();
      this.#byNamespace.set(namespace, limits);
    }
    return limits;
  }
}

function isLarge([, bytes, kind]: Field): boolean {
  return (bytes?.byteLength ?? 0) >= (kind === 'memo' ? SMALLEST_MEMO_LIMIT_BYTES : SMALLEST_LIMIT_BYTES);
}

function namespaceOf(request: object): string {
  const namespace: unknown = Reflect.get(request, 'namespace');
  return typeof namespace === 'string' ? namespace : '';
}
