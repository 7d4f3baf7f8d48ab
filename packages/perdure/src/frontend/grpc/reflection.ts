/**
 * `grpc.reflection`: tools such as grpcurl ask the server for its services and their messages.
 *
 * Versions v1 and v1alpha differ in name only. One question is answered at a time, in order. The few messages of this protocol are read
 * and written by hand, field numbers as in `grpc/reflection/v1/reflection.proto`.
 */
import { Code } from '../../protocol/errors.js';
import { Reader } from '../../protocol/reader.js';
import { Writer } from '../../protocol/writer.js';
import type { Router } from '../../transport/transport.js';
import type { DescriptorIndex } from './descriptor-index.js';
import type { StreamingHandler } from './streaming-call.js';

export const REFLECTION_PATHS = [
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
] as const;

/** Tag of a length-delimited field. */
const tag = (field: number): number => (field << 3) | 2;
const VARINT_1 = 1 << 3;

const REQUEST = { host: tag(1), fileByFilename: tag(3), fileContainingSymbol: tag(4), listServices: tag(7) };
const RESPONSE = { validHost: tag(1), originalRequest: tag(2), files: tag(4), services: tag(6), error: tag(7) };

type Question = { readonly kind: 'file' | 'symbol' | 'services' | 'unknown'; readonly host: string; readonly text: string };
type Answer =
  | { readonly kind: 'files'; readonly files: readonly Uint8Array[] }
  | { readonly kind: 'services'; readonly names: readonly string[] }
  | { readonly kind: 'error'; readonly code: Code; readonly message: string };

let loading: Promise<DescriptorIndex> | undefined;

/** Loads the descriptors on first use: a server that nobody inspects never does. */
function descriptors(): Promise<DescriptorIndex> {
  return (loading ??= Promise.all([import('./descriptor-index.js'), import('../../protocol/generated/descriptors.js')]).then(
    ([index, generated]) => new index.DescriptorIndex(generated.DESCRIPTORS),
  ));
}

/** @param routers Their services are the ones listed. */
export function reflection(...routers: readonly Router[]): StreamingHandler {
  return async function* (requests) {
    const index = await descriptors();
    for await (const bytes of requests) {
      const question = readQuestion(bytes);
      yield writeAnswer(question, bytes, answer(question, index, routers));
    }
  };
}

function answer(question: Question, index: DescriptorIndex, routers: readonly Router[]): Answer {
  switch (question.kind) {
    case 'services': {
      const names = routers.flatMap((router) => router.paths().map((path) => path.slice(1, path.lastIndexOf('/'))));
      return { kind: 'services', names: [...new Set(names)].sort() };
    }
    case 'file':
    case 'symbol': {
      const fileName = question.kind === 'file' ? question.text : index.fileOfSymbol(question.text);
      const files = fileName === undefined ? undefined : index.withDependencies(fileName);
      if (files !== undefined) return { kind: 'files', files };
      return { kind: 'error', code: Code.NOT_FOUND, message: `${question.kind} not found: ${question.text}` };
    }
    case 'unknown':
      return { kind: 'error', code: Code.UNIMPLEMENTED, message: 'this server answers questions for files, symbols and services only' };
  }
}

function readQuestion(bytes: Uint8Array): Question {
  const reader = new Reader(bytes);
  let host = '';
  let kind: Question['kind'] = 'unknown';
  let text = '';
  while (reader.pos < reader.end) {
    const found = reader.uint32();
    if (found === REQUEST.host) host = reader.string();
    else if (found === REQUEST.fileByFilename) [kind, text] = ['file', reader.string()];
    else if (found === REQUEST.fileContainingSymbol) [kind, text] = ['symbol', reader.string()];
    else if (found === REQUEST.listServices) [kind, text] = ['services', reader.string()];
    else reader.skip(found);
  }
  return { kind, host, text };
}

/** Fields are written last first, as the writer does. */
function writeAnswer(question: Question, request: Uint8Array, result: Answer): Uint8Array {
  const writer = new Writer();
  const mark = writer.mark();
  switch (result.kind) {
    case 'files':
      for (const file of [...result.files].reverse()) {
        writer.bytes(file);
        writer.varint(tag(1));
      }
      writer.nested(mark, RESPONSE.files);
      break;
    case 'services':
      for (const name of [...result.names].reverse()) {
        const service = writer.mark();
        writer.string(name);
        writer.varint(tag(1));
        writer.nested(service, tag(1));
      }
      writer.nested(mark, RESPONSE.services);
      break;
    case 'error':
      writer.string(result.message);
      writer.varint(tag(2));
      writer.varint(result.code);
      writer.varint(VARINT_1);
      writer.nested(mark, RESPONSE.error);
      break;
  }
  writer.bytes(request);
  writer.varint(RESPONSE.originalRequest);
  writer.string(question.host);
  writer.varint(RESPONSE.validHost);
  return writer.finish();
}
