/** Loads the modules that a data converter names. Outside of workflow code only: the realm bundles its own copies. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isAbsolute } from 'node:path';
import {
  defaultFailureConverter,
  defaultPayloadConverter,
  ValueError,
  type DataConverter,
  type FailureConverter,
  type LoadedDataConverter,
  type PayloadConverter,
} from '../common/index.js';
import { storageCodec } from '../storage/storage-codec.js';

/**
 * The converter with its modules loaded.
 *
 * @throws ValueError if a module cannot be loaded, or does not export what it should.
 */
export function loadDataConverter(converter: DataConverter | undefined): LoadedDataConverter {
  return {
    payloadConverter: loadFrom(converter?.payloadConverterPath, 'payloadConverter', isPayloadConverter) ?? defaultPayloadConverter,
    failureConverter: loadFrom(converter?.failureConverterPath, 'failureConverter', isFailureConverter) ?? defaultFailureConverter,
    // Last: what is stored is what the codecs made of it, encrypted if they encrypt.
    payloadCodecs: [...(converter?.payloadCodecs ?? []), ...(converter?.externalStorage ? [storageCodec(converter.externalStorage)] : [])],
  };
}

function loadFrom<T>(path: string | undefined, exportName: string, isRight: (candidate: object) => candidate is T & object): T | undefined {
  if (path === undefined) return undefined;
  const file = path.startsWith('file:') ? fileURLToPath(path) : path;
  if (!isAbsolute(file)) {
    throw new ValueError(`${exportName}Path must be absolute, got '${path}'. Use fileURLToPath(new URL('./converter.js', import.meta.url)).`);
  }
  let loaded: Record<string, unknown>;
  try {
    loaded = createRequire(import.meta.url)(file) as Record<string, unknown>;
  } catch (error) {
    throw new ValueError(`${exportName}Path: cannot load '${path}': ${error instanceof Error ? error.message : String(error)}`, error);
  }
  const exported = loaded[exportName];
  if (typeof exported !== 'object' || exported === null || !isRight(exported)) {
    throw new ValueError(`'${path}' must export \`${exportName}\`, an instance with the methods of its interface.`);
  }
  return exported;
}

function isPayloadConverter(candidate: object): candidate is PayloadConverter {
  return hasMethods(candidate, 'toPayload', 'fromPayload');
}

function isFailureConverter(candidate: object): candidate is FailureConverter {
  return hasMethods(candidate, 'errorToFailure', 'failureToError');
}

function hasMethods(candidate: object, ...names: string[]): boolean {
  return names.every((name) => typeof Reflect.get(candidate, name) === 'function');
}
