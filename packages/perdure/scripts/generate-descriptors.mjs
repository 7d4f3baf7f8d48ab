// The services' descriptors as one FileDescriptorSet, for gRPC server reflection: called by generate-protocol.mjs.
// One file for each protobuf package, named after it. Options and comments are left out: tools need names, numbers and types.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';

const require = createRequire(import.meta.url);
const protobuf = require('protobufjs');
const { FileDescriptorSet } = require('protobufjs/ext/descriptor');

const TYPE = {
  double: 1, float: 2, int64: 3, uint64: 4, int32: 5, fixed64: 6, fixed32: 7, bool: 8, string: 9, bytes: 12,
  uint32: 13, sfixed32: 15, sfixed64: 16, sint32: 17, sint64: 18,
};
const MESSAGE = 11, ENUM = 14;
const OPTIONAL = 1, REPEATED = 3;

const packageOf = (type) => type.fullName.split('.').filter((part) => part && !/^[A-Z]/.test(part)).join('.');
const fileName = (packageName) => `${packageName.replaceAll('.', '/')}.proto`;
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const isTopLevel = (type) => !(type.parent instanceof protobuf.Type);

function typed(typeName, resolved) {
  if (!resolved) return { type: TYPE[typeName] };
  return { type: resolved instanceof protobuf.Enum ? ENUM : MESSAGE, typeName: resolved.fullName };
}

function fieldOf(field, entryName, oneofIndex) {
  const base = { name: snake(field.name), jsonName: field.name, number: field.id };
  if (field.map) return { ...base, label: REPEATED, type: MESSAGE, typeName: entryName };
  return {
    ...base,
    label: field.repeated ? REPEATED : OPTIONAL,
    ...typed(field.type, field.resolvedType),
    ...(oneofIndex >= 0 && { oneofIndex }),
    ...(field.options?.proto3_optional && { proto3Optional: true }),
  };
}

function messageOf(type, refer) {
  const field = [], nestedType = [], enumType = [];
  for (const each of type.fieldsArray) {
    each.resolve();
    if (each.resolvedType) refer(each.resolvedType);
    const entry = `${each.name[0].toUpperCase()}${each.name.slice(1)}Entry`;
    if (each.map) {
      nestedType.push({
        name: entry,
        options: { mapEntry: true },
        field: [
          { name: 'key', jsonName: 'key', number: 1, label: OPTIONAL, ...typed(each.keyType) },
          { name: 'value', jsonName: 'value', number: 2, label: OPTIONAL, ...typed(each.type, each.resolvedType) },
        ],
      });
    }
    field.push(fieldOf(each, `${type.fullName}.${entry}`, type.oneofsArray.indexOf(each.partOf)));
  }
  for (const nested of type.nestedArray) {
    if (nested instanceof protobuf.Type) nestedType.push(messageOf(nested, refer));
    else if (nested instanceof protobuf.Enum) enumType.push(enumOf(nested));
  }
  return { name: type.name, field, nestedType, enumType, oneofDecl: type.oneofsArray.map((oneof) => ({ name: snake(oneof.name) })) };
}

function enumOf(type) {
  // The zero value comes first in proto3.
  const value = Object.entries(type.values).map(([name, number]) => ({ name, number })).sort((a, b) => (a.number === 0 ? -1 : b.number === 0 ? 1 : 0));
  const numbers = new Set(value.map((each) => each.number));
  return { name: type.name, value, ...(numbers.size < value.length && { options: { allowAlias: true } }) };
}

/** @param types Top-level types that must be there even if no service reaches them. */
export function writeDescriptors(services, types, target) {
  const files = new Map();
  const fileOf = (type) => {
    const name = packageOf(type);
    if (!files.has(name)) files.set(name, { package: name, uses: new Set(), descriptor: { name: fileName(name), package: name, syntax: 'proto3', messageType: [], enumType: [], service: [] } });
    return files.get(name);
  };
  const done = new Set();
  const pending = [];
  const refer = (type) => {
    let top = type;
    while (!isTopLevel(top)) top = top.parent;
    if (!done.has(top)) pending.push(top);
    done.add(top);
    return packageOf(top);
  };
  for (const service of services) {
    const file = fileOf(service);
    file.descriptor.service.push({
      name: service.name,
      method: service.methodsArray.map((method) => {
        method.resolve();
        for (const type of [method.resolvedRequestType, method.resolvedResponseType]) file.uses.add(refer(type));
        return {
          name: method.name,
          inputType: method.resolvedRequestType.fullName,
          outputType: method.resolvedResponseType.fullName,
          ...(method.requestStream && { clientStreaming: true }),
          ...(method.responseStream && { serverStreaming: true }),
        };
      }),
    });
  }
  for (const type of types) refer(type);
  while (pending.length > 0) {
    const type = pending.pop();
    const file = fileOf(type);
    if (type instanceof protobuf.Enum) file.descriptor.enumType.push(enumOf(type));
    else file.descriptor.messageType.push(messageOf(type, (used) => file.uses.add(refer(used))));
  }
  const ordered = [];
  const visiting = new Set();
  const visit = (file) => {
    if (ordered.includes(file)) return;
    if (visiting.has(file)) throw new Error(`${file.package} depends on itself: reflection needs files without cycles`);
    visiting.add(file);
    file.uses.delete(file.package);
    for (const used of [...file.uses].sort()) visit(files.get(used));
    file.descriptor.dependency = [...file.uses].sort().map(fileName);
    file.descriptor.messageType.sort((a, b) => (a.name < b.name ? -1 : 1));
    file.descriptor.enumType.sort((a, b) => (a.name < b.name ? -1 : 1));
    ordered.push(file);
  };
  for (const name of [...files.keys()].sort()) visit(files.get(name));
  const set = FileDescriptorSet.encode(FileDescriptorSet.fromObject({ file: ordered.map((file) => file.descriptor) })).finish();
  fs.writeFileSync(
    path.join(target, 'descriptors.ts'),
    `// Generated by scripts/generate-descriptors.mjs. Do not edit.\n/** A FileDescriptorSet of all services, gzip, base64. */\nexport const DESCRIPTORS =\n  '${gzipSync(set, { level: 9 }).toString('base64')}';\n`,
  );
}
