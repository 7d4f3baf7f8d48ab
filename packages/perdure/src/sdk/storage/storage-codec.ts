/**
 * External storage as a payload codec, the last of a data converter's: what the other codecs made of large payloads is stored, and a
 * reference goes to the server in its place. So it works wherever codecs do: arguments, results, signals, queries, updates, memos, failures.
 *
 * A payload is stored before the request that refers to it is sent. A process that dies between leaves a payload that nothing refers to,
 * never a reference to nothing.
 */
import {
  ExternalStorageError,
  isReferencePayload,
  referenceOf,
  referencePayload,
  ValueError,
  type ExternalStorage,
  type Payload,
  type PayloadCodec,
  type SerializationContext,
  type StorageDriver,
  type StorageDriverClaim,
  type StorageDriverTargetInfo,
} from '../common/index.js';
import { payloadToBytes } from '../common/payload-bytes.js';

export function storageCodec(storage: ExternalStorage): PayloadCodec {
  return { encode: (payloads, context) => store(storage, payloads, targetOf(context)), decode: (payloads) => retrieve(storage, payloads) };
}

/** What a driver is told of whose payload it keeps. */
function targetOf(context: SerializationContext | undefined): { readonly target?: StorageDriverTargetInfo } {
  if (context === undefined) return {};
  const { type: kind, namespace } = context;
  const id = context.type === 'workflow' ? context.workflowId : context.activityId;
  return { target: { kind, namespace, ...(id !== undefined && { id }) } };
}

/** What a driver gets or gives of a batch: `at` are the places in the batch. */
interface Share<Item> {
  readonly driver: StorageDriver;
  readonly at: number[];
  readonly items: Item[];
}

async function store(storage: ExternalStorage, payloads: readonly Payload[], about: { readonly target?: StorageDriverTargetInfo }): Promise<Payload[]> {
  const result = [...payloads];
  const shares = new Shares<Payload>();
  const abort = new AbortController();
  for (const [index, payload] of payloads.entries()) {
    if (!isLarge(payload, storage.payloadSizeThreshold) || isReferencePayload(payload)) continue;
    const driver = storage.driverSelector({ abortSignal: abort.signal, ...about }, payload);
    if (driver === null) continue;
    if (storage.getDriver(driver.name) !== driver) throw new ValueError(`driverSelector chose storage driver "${driver.name}", which is not among \`drivers\`: nobody could read what it stores.`);
    shares.add(driver, index, payload);
  }
  await shares.each(abort, 'keep', (driver, items) => driver.store({ abortSignal: abort.signal, ...about }, items), (driver, index, claim: StorageDriverClaim) => {
    const sizeBytes = payloadToBytes(payloads[index]!).byteLength;
    result[index] = referencePayload({ driverName: driver.name, claim }, sizeBytes);
  });
  return result;
}

async function retrieve(storage: ExternalStorage, payloads: readonly Payload[]): Promise<Payload[]> {
  const result = [...payloads];
  const shares = new Shares<StorageDriverClaim>();
  for (const [index, payload] of payloads.entries()) {
    if (!isReferencePayload(payload)) continue;
    const { driverName, claim } = referenceOf(payload);
    const driver = storage.getDriver(driverName);
    if (driver === null) {
      const known = storage.drivers.map(({ name }) => name).join(', ');
      throw new ExternalStorageError(`A payload was stored by the storage driver "${driverName}", which this client or worker does not have (it has: ${known}). Add it to the drivers of \`externalStorage\`.`);
    }
    shares.add(driver, index, claim);
  }
  const abort = new AbortController();
  await shares.each(abort, 'give', (driver, items) => driver.retrieve({ abortSignal: abort.signal }, items), (_driver, index, payload: Payload) => {
    result[index] = payload;
  });
  return result;
}

class Shares<Item> {
  readonly #byDriver = new Map<string, Share<Item>>();

  add(driver: StorageDriver, index: number, item: Item): void {
    let share = this.#byDriver.get(driver.name);
    if (share === undefined) this.#byDriver.set(driver.name, (share = { driver, at: [], items: [] }));
    share.at.push(index);
    share.items.push(item);
  }

  /** Asks all drivers at once; with the first failure the others are told to stop. @throws ExternalStorageError */
  async each<Answer>(abort: AbortController, verb: 'keep' | 'give', ask: (driver: StorageDriver, items: Item[]) => Promise<Answer[]>, take: (driver: StorageDriver, index: number, answer: Answer) => void): Promise<void> {
    const asked = [...this.#byDriver.values()].map(async ({ driver, at, items }) => {
      try {
        const answers = await ask(driver, items);
        if (answers.length !== items.length) throw new TypeError(`it was given ${items.length} and gave back ${answers.length}`);
        for (const [position, answer] of answers.entries()) take(driver, at[position]!, answer);
      } catch (error) {
        abort.abort();
        const what = items.length === 1 ? 'a payload' : `${items.length} payloads`;
        throw new ExternalStorageError(`Storage driver "${driver.name}" could not ${verb} ${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      }
    });
    await Promise.all(asked);
  }
}

/** By the size on the wire. What is clearly smaller or larger is not encoded to find out. */
function isLarge(payload: Payload, thresholdBytes: number): boolean {
  let least = payload.data.byteLength;
  if (least >= thresholdBytes) return true;
  for (const [key, value] of Object.entries(payload.metadata)) least += key.length + value.byteLength;
  return least + MOST_FRAMING_BYTES >= thresholdBytes && payloadToBytes(payload).byteLength >= thresholdBytes;
}

/** Tags and lengths of a payload's fields. */
const MOST_FRAMING_BYTES = 256;
