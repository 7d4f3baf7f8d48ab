/**
 * Large payloads outside of the server: what is sent in their place, and what keeps them.
 *
 * A payload of at least the threshold is given to a {@link StorageDriver}; the history holds a reference, which says which driver has it and
 * by what claim. The reference has the wire form that all of Temporal's SDKs write, so workers in several languages can share a store.
 * Only data and interfaces are here, because workflow code sees this module too; `sdk/storage` does the work, outside.
 */
import { ValueError } from './errors.js';
import { encodingTypes, METADATA_ENCODING_KEY, METADATA_MESSAGE_TYPE_KEY, REFERENCE_MESSAGE_TYPE, type Payload, type ReferencePayload } from './payload-converter.js';
import { decodeText, encodeText } from './text.js';

/** What a driver needs to find a payload again. It becomes part of the history: no secrets, and no more than a few hundred bytes. */
export class StorageDriverClaim {
  constructor(readonly claimData: Readonly<Record<string, string>>) {}
}

export interface StorageDriverRetrieveContext {
  /** Aborted when another payload of the same batch failed: the answer is not wanted any more. */
  readonly abortSignal?: AbortSignal;
}

/** The workflow execution whose payloads are stored. */
export interface StorageDriverWorkflowInfo {
  readonly kind: 'workflow';
  readonly namespace: string;
  readonly id?: string;
  readonly runId?: string;
  readonly type?: string;
}

/** The activity whose payloads are stored. */
export interface StorageDriverActivityInfo {
  readonly kind: 'activity';
  readonly namespace: string;
  readonly id?: string;
  readonly runId?: string;
  readonly type?: string;
}

export type StorageDriverTargetInfo = StorageDriverWorkflowInfo | StorageDriverActivityInfo;

export interface StorageDriverStoreContext extends StorageDriverRetrieveContext {
  /** Whose payloads they are, by namespace and id; absent where nobody knows. */
  readonly target?: StorageDriverTargetInfo;
}

export interface StorageDriverSelectContext extends StorageDriverStoreContext {}

/** Where payloads are kept. Called outside of workflow code, by clients and workers, many calls at a time. */
export interface StorageDriver {
  /** Names this instance in references: it must stay the same for as long as histories hold them. */
  readonly name: string;
  /** What kind of store it is, such as `aws.s3driver`. */
  readonly type: string;
  /** Keeps the payloads and gives as many claims, in their order. Storing the same payload again must be harmless: tasks are retried. */
  store(context: StorageDriverStoreContext, payloads: Payload[]): Promise<StorageDriverClaim[]>;
  /** Gives as many payloads, in their order. */
  retrieve(context: StorageDriverRetrieveContext, claims: StorageDriverClaim[]): Promise<Payload[]>;
}

/** Which driver gets a payload; `null` keeps it in the history. */
export type StorageDriverSelector = (context: StorageDriverSelectContext, payload: Payload) => StorageDriver | null;

export interface ExternalStorageOptions {
  readonly drivers: StorageDriver[];
  /** Needed with more than one driver: the others only read. Default: the one driver. */
  readonly driverSelector?: StorageDriverSelector;
  /** Smaller payloads stay in the history. Bytes, after the codecs. 0: all are stored. Default: 256 KiB. */
  readonly payloadSizeThreshold?: number;
}

const DEFAULT_THRESHOLD_BYTES = 256 * 1024;

/**
 * Belongs to the data converter of clients and workers alike.
 *
 * @throws ValueError for no driver, two of one name, several without a selector, or a threshold that is no size.
 * @example
 * const dataConverter = { externalStorage: new ExternalStorage({ drivers: [new FileSystemStorageDriver({ directory: '/mnt/payloads' })] }) };
 */
export class ExternalStorage {
  readonly drivers: StorageDriver[];
  readonly driverSelector: StorageDriverSelector;
  readonly payloadSizeThreshold: number;
  readonly #byName: ReadonlyMap<string, StorageDriver>;

  constructor({ drivers, driverSelector, payloadSizeThreshold = DEFAULT_THRESHOLD_BYTES }: ExternalStorageOptions) {
    const [first] = drivers;
    if (first === undefined) throw new ValueError('External storage needs at least one driver.');
    if (drivers.length > 1 && driverSelector === undefined) throw new ValueError('With several storage drivers, a driverSelector must say which one gets a payload.');
    if (!Number.isFinite(payloadSizeThreshold) || payloadSizeThreshold < 0) {
      throw new ValueError(`payloadSizeThreshold is a number of bytes, 0 or more, not ${String(payloadSizeThreshold)}.`);
    }
    this.drivers = drivers;
    this.driverSelector = driverSelector ?? (() => first);
    this.payloadSizeThreshold = payloadSizeThreshold;
    this.#byName = new Map(drivers.map((driver) => [driver.name, driver]));
    if (this.#byName.size < drivers.length) throw new ValueError('Two storage drivers have the same name: references could not tell them apart.');
  }

  getDriver(name: string): StorageDriver | null {
    return this.#byName.get(name) ?? null;
  }
}

export interface StorageReference {
  readonly driverName: string;
  readonly claim: StorageDriverClaim;
}

export function referencePayload({ driverName, claim }: StorageReference, sizeBytes: number): ReferencePayload {
  return {
    metadata: {
      [METADATA_ENCODING_KEY]: encodeText(encodingTypes.METADATA_ENCODING_PROTOBUF_JSON),
      [METADATA_MESSAGE_TYPE_KEY]: encodeText(REFERENCE_MESSAGE_TYPE),
    },
    data: encodeText(JSON.stringify({ driverName, claimData: claim.claimData })),
    externalPayloads: [{ sizeBytes }],
  };
}

/** @throws ValueError if the payload does not hold what a reference needs. */
export function referenceOf({ data }: Payload): StorageReference {
  let read: unknown;
  try {
    read = JSON.parse(decodeText(data));
  } catch (error) {
    throw new ValueError('A reference to external storage does not hold JSON.', error);
  }
  // Both spellings of a field are right in the JSON form of a protocol buffer.
  const { driverName, driver_name, claimData, claim_data } = (typeof read === 'object' && read !== null ? read : {}) as Readonly<Record<string, unknown>>;
  const name = driverName ?? driver_name;
  const claim = claimData ?? claim_data ?? {};
  if (typeof name !== 'string' || name === '') throw new ValueError('A reference to external storage does not name its driver.');
  if (!isTextRecord(claim)) throw new ValueError(`A reference to external storage has a claim that driver "${name}" cannot have written.`);
  return { driverName: name, claim: new StorageDriverClaim(claim) };
}

function isTextRecord(value: unknown): value is Record<string, string> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every((entry) => typeof entry === 'string');
}
