/**
 * Finds protobuf descriptor files by name and by the symbols they define.
 *
 * The descriptors stay bytes: only the names are read, from the few fields of `google/protobuf/descriptor.proto` that hold them. Loaded on
 * the first reflection call; a server that nobody inspects pays nothing.
 */
import { gunzipSync } from 'node:zlib';
import { Reader } from '../../protocol/reader.js';

/** Tag of a length-delimited field. */
const tag = (field: number): number => (field << 3) | 2;

interface DescriptorFile {
  readonly bytes: Uint8Array;
  readonly dependencies: readonly string[];
}

export class DescriptorIndex {
  readonly #files = new Map<string, DescriptorFile>();
  readonly #symbols = new Map<string, string>();

  /** @param set An encoded FileDescriptorSet, gzip, base64. */
  constructor(set: string) {
    const reader = new Reader(gunzipSync(Buffer.from(set, 'base64')));
    while (reader.pos < reader.end) {
      const found = reader.uint32();
      if (found === tag(1)) this.#addFile(reader.bytes());
      else reader.skip(found);
    }
  }

  /** This file and those it depends on, the file itself first; `undefined` if there is no such file. */
  withDependencies(fileName: string): Uint8Array[] | undefined {
    if (!this.#files.has(fileName)) return undefined;
    const names = new Set([fileName]);
    // A set may grow while it is walked: what is added is walked too.
    for (const name of names) for (const dependency of this.#files.get(name)?.dependencies ?? []) names.add(dependency);
    return [...names].map((name) => this.#files.get(name)?.bytes).filter((bytes) => bytes !== undefined);
  }

  /** The file that defines a service, method, message, field or enum. */
  fileOfSymbol(symbol: string): string | undefined {
    return this.#symbols.get(symbol);
  }

  #addFile(bytes: Uint8Array): void {
    const fields = read(bytes);
    const name = text(fields, 1);
    const scope = text(fields, 2);
    this.#files.set(name, { bytes, dependencies: all(fields, 3).map((value) => Buffer.from(value).toString()) });
    for (const message of all(fields, 4)) this.#addMessage(name, scope, message);
    for (const type of all(fields, 5)) this.#addNamed(name, scope, type);
    for (const service of all(fields, 6)) {
      const serviceName = this.#addNamed(name, scope, service);
      for (const method of all(read(service), 2)) this.#addNamed(name, serviceName, method);
    }
  }

  #addMessage(file: string, scope: string, message: Uint8Array): void {
    const name = this.#addNamed(file, scope, message);
    const fields = read(message);
    for (const field of all(fields, 2)) this.#addNamed(file, name, field);
    for (const nested of all(fields, 3)) this.#addMessage(file, name, nested);
    for (const type of all(fields, 4)) this.#addNamed(file, name, type);
  }

  /** Every descriptor has its name in field 1. */
  #addNamed(file: string, scope: string, descriptor: Uint8Array): string {
    const name = `${scope}.${text(read(descriptor), 1)}`;
    this.#symbols.set(name, file);
    return name;
  }
}

/** The length-delimited fields of a message, by tag. */
function read(bytes: Uint8Array): Map<number, Uint8Array[]> {
  const fields = new Map<number, Uint8Array[]>();
  const reader = new Reader(bytes);
  while (reader.pos < reader.end) {
    const found = reader.uint32();
    if ((found & 7) !== 2) {
      reader.skip(found);
      continue;
    }
    const values = fields.get(found);
    if (values === undefined) fields.set(found, [reader.bytes()]);
    else values.push(reader.bytes());
  }
  return fields;
}

function all(fields: ReadonlyMap<number, readonly Uint8Array[]>, field: number): readonly Uint8Array[] {
  return fields.get(tag(field)) ?? [];
}

function text(fields: ReadonlyMap<number, readonly Uint8Array[]>, field: number): string {
  return Buffer.from(all(fields, field)[0] ?? []).toString();
}
