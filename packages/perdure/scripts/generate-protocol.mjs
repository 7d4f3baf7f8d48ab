// Writes src/protocol/generated/ from the protocol's message descriptors: a type and a codec for each message, the enums, the methods.
// The descriptors come from a development dependency and from proto/*.proto; the conventions are those of src/protocol/codec.ts.
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeDescriptors } from './generate-descriptors.mjs';
import { writeHttpRoutes } from './generate-http-routes.mjs';

const require = createRequire(import.meta.url);
const protobuf = require('protobufjs');
const here = path.dirname(fileURLToPath(import.meta.url));
const target = path.join(here, '../src/protocol/generated');
const protoDir = path.join(here, '../proto');

/** Messages that the server carries without looking inside. */
const OPAQUE = new Set(
  ['Payloads', 'Header', 'Memo', 'SearchAttributes', 'Link', 'Callback', 'Priority']
    .map((n) => `.temporal.api.common.v1.${n}`)
    .concat(
      '.temporal.api.failure.v1.Failure',
      '.temporal.api.history.v1.History',
      '.temporal.api.sdk.v1.UserMetadata',
      '.temporal.api.sdk.v1.WorkflowTaskCompletedMetadata',
      '.temporal.api.common.v1.MeteringMetadata',
    ),
);
/** Maps that are plain records: users' payload converters and codecs read and write this one, as with other SDKs. */
const RECORDS = new Set(['.temporal.api.common.v1.Payload.metadata']);
const MILLIS = new Set(['.google.protobuf.Timestamp', '.google.protobuf.Duration']);
const WRAPPERS = new Set(
  ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'].map((n) => `.google.protobuf.${n}Value`),
);
const SERVICES = [
  '.temporal.api.workflowservice.v1.WorkflowService',
  '.temporal.api.operatorservice.v1.OperatorService',
  '.temporal.api.testservice.v1.TestService',
  '.grpc.health.v1.Health',
  '.perdure.api.v1.PerdureService',
];
/** Two messages share a last name: these get a prefix. */
const RENAMED = {
  '.temporal.api.nexus.v1.Link': 'NexusLink',
  '.temporal.api.nexus.v1.Failure': 'NexusFailure',
  '.temporal.api.nexus.v1.Request': 'NexusRequest',
  '.temporal.api.nexus.v1.Response': 'NexusResponse',
  '.temporal.api.update.v1.Request': 'UpdateRequest',
  '.temporal.api.update.v1.Response': 'UpdateResponse',
  '.temporal.api.activity.v1.CallbackInfo': 'ActivityCallbackInfo',
  '.temporal.api.activity.v1.CallbackInfo.Trigger': 'ActivityCallbackInfo_Trigger',
  '.temporal.api.workflow.v1.CallbackInfo': 'WorkflowCallbackInfo',
  '.temporal.api.workflow.v1.CallbackInfo.Trigger': 'WorkflowCallbackInfo_Trigger',
  '.temporal.api.workflow.v1.OnConflictOptions': 'WorkflowOnConflictOptions',
};

const root = protobuf.Root.fromJSON(require('@temporalio/proto/protos/json-module.js').toJSON());
for (const file of fs.readdirSync(protoDir)) {
  protobuf.parse(fs.readFileSync(path.join(protoDir, file), 'utf8'), root, { keepCase: false });
}
root.resolveAll();

// Only what the services, their error details and our own records reach.
const reached = new Map();
function reach(type) {
  if (!type || reached.has(type.fullName) || MILLIS.has(type.fullName) || WRAPPERS.has(type.fullName)) return;
  reached.set(type.fullName, type);
  if (type instanceof protobuf.Type) for (const field of type.fieldsArray) reach(field.resolve().resolvedType);
}
const services = SERVICES.map((name) => root.lookupService(name));
for (const service of services) {
  for (const method of service.methodsArray) {
    method.resolve();
    reach(method.resolvedRequestType);
    reach(method.resolvedResponseType);
  }
}
function reachAll(namespace) {
  for (const nested of namespace.nestedArray) {
    if (nested instanceof protobuf.Type || nested instanceof protobuf.Enum) reach(nested);
    if (nested.nestedArray) reachAll(nested);
  }
}
for (const name of ['temporal.api.errordetails.v1', 'temporal.api.enums.v1', 'temporal.api.update.v1', 'temporal.api.sdk.v1']) reachAll(root.lookup(name));
if (root.lookup('perdure')) reachAll(root.lookup('perdure'));
reach(root.lookupType('google.rpc.Status'));

const tsName = (type) => RENAMED[type.fullName] ?? type.fullName.split('.').filter((part) => /^[A-Z]/.test(part)).join('_');
const packageOf = (type) => type.fullName.split('.').filter((part) => part && !/^[A-Z]/.test(part)).join('.');
const fileOf = (type) => packageOf(type).replace(/^temporal\.api\./, '');

const names = new Map();
for (const type of reached.values()) {
  const name = tsName(type);
  if (names.has(name)) throw new Error(`${names.get(name)} and ${type.fullName} are both called ${name}: add one to RENAMED`);
  names.set(name, type.fullName);
}

const SCALARS = {
  double: ['number', 1, 'double'], float: ['number', 5, 'float'],
  int32: ['number', 0, 'int32'], uint32: ['number', 0, 'uint32'], int64: ['number', 0, 'int64'], uint64: ['number', 0, 'uint64'],
  fixed32: ['number', 5, 'fixed32'], sfixed32: ['number', 5, 'fixed32'], fixed64: ['number', 1, 'fixed64'], sfixed64: ['number', 1, 'fixed64'],
  bool: ['boolean', 0, 'bool'], string: ['string', 2, 'string'], bytes: ['Uint8Array', 2, 'bytes'],
};
const VARINT_WRITE = new Set(['int32', 'uint32', 'int64', 'uint64']);

/** How one field's value is typed, written and read. */
function shape(typeName, resolved, container) {
  if (!resolved) {
    const [ts, wire, method] = SCALARS[typeName];
    const write = VARINT_WRITE.has(typeName) ? 'varint' : method;
    return {
      ts, wire, kind: 'scalar',
      zero: ts === 'number' ? '0' : ts === 'boolean' ? 'false' : ts === 'string' ? "''" : 'EMPTY',
      isSet: ts === 'Uint8Array' ? (v) => `${v} !== undefined && ${v}.byteLength > 0` : (v) => v,
      write: (v, tag) => `w.${write}(${v}); w.varint(${tag});`, read: `r.${method}()`, create: (v) => v,
    };
  }
  if (resolved instanceof protobuf.Enum) {
    const ts = ref(resolved);
    return { ts, wire: 0, kind: 'scalar', zero: '0', isSet: (v) => v, write: (v, tag) => `w.varint(${v}); w.varint(${tag});`, read: `r.int32() as ${ts}`, create: (v) => v };
  }
  const full = resolved.fullName;
  if (MILLIS.has(full)) {
    return { ts: 'number', wire: 2, kind: 'message', write: (v, tag) => `writeMillis(w, ${v}); w.varint(${tag});`, read: 'readMillis(r)', create: (v) => v };
  }
  if (WRAPPERS.has(full)) {
    const inner = shape(resolved.fieldsArray[0].type, null);
    const tag = (1 << 3) | inner.wire;
    return {
      ts: inner.ts, wire: 2, kind: 'message',
      write: (v, t) => `{ const mark = w.mark(); if (${inner.isSet(v)}) { ${inner.write(v, tag)} } w.nested(mark, ${t}); }`,
      read: `(() => { const e = r.enter(); let v: ${inner.ts} = ${inner.zero}; while (r.pos < e) { const t = r.uint32(); if (t === ${tag}) v = ${inner.read}; else r.skip(t); } r.leave(e); return v; })()`,
      create: (v) => v,
    };
  }
  if (OPAQUE.has(full) && container !== full) {
    return { ts: `Encoded<${ref(resolved)}>`, wire: 2, kind: 'message', write: (v, tag) => `w.bytes(${v}); w.varint(${tag});`, read: 'r.bytes()', create: (v) => v };
  }
  const ts = ref(resolved);
  return {
    ts, wire: 2, kind: 'message',
    write: (v, tag) => `{ const mark = w.mark(); ${ts}.write(w, ${v}); w.nested(mark, ${tag}); }`,
    read: `readNested(r, ${ts})`,
    create: (v) => `${ts}.create(${v})`,
  };
}

let imports; // of the file being written: file -> names
let here_;
function ref(type) {
  const name = tsName(type);
  const file = fileOf(type);
  if (file !== here_) (imports.get(file) ?? imports.set(file, new Set()).get(file)).add(name);
  return name;
}

const safe = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

function emitMessage(type) {
  const name = tsName(type);
  const fields = [...type.fieldsArray].sort((a, b) => a.id - b.id);
  const decl = [], init = [], reads = [], writes = [], creates = [], lateCreates = [];
  for (const field of fields) {
    field.resolve();
    const f = safe(field.name);
    const v = `m.${f}`;
    const s = shape(field.type, field.resolvedType, type.fullName);
    const tag = (n, wire) => ((n << 3) | wire) >>> 0;
    if (field.map) {
      const k = shape(field.keyType, null);
      if (RECORDS.has(field.fullName)) {
        decl.push(`${f}: Record<string, ${s.ts}>;`);
        init.push(`${f}: {},`);
        reads.push(`case ${tag(field.id, 2)}: { const e = r.enter(); let k = ''; let v: ${s.ts} | undefined; while (r.pos < e) { const t = r.uint32(); if (t === ${tag(1, k.wire)}) k = ${k.read}; else if (t === ${tag(2, s.wire)}) v = ${s.read}; else r.skip(t); } r.leave(e); setEntry(m.${f}, k, v ?? EMPTY); break; }`);
        writes.push(`if (${v} !== undefined) { const keys = Object.keys(${v}); for (let i = keys.length - 1; i >= 0; i--) { const k = keys[i]!; const v = ${v}[k]; if (v === undefined) continue; const outer = w.mark(); ${s.write('v', tag(2, s.wire))} ${k.write('k', tag(1, k.wire))} w.nested(outer, ${tag(field.id, 2)}); } }`);
        creates.push(`${f}: entriesOf(${v}),`);
        continue;
      }
      decl.push(`${f}: Map<${k.ts}, ${s.ts}>;`);
      init.push(`${f}: new Map(),`);
      const t = tag(field.id, 2);
      const kt = tag(1, k.wire), vt = tag(2, s.wire);
      reads.push(`case ${t}: { const e = r.enter(); let k: ${k.ts} = ${k.zero}; let v: ${s.ts} | undefined; while (r.pos < e) { const t = r.uint32(); if (t === ${kt}) k = ${k.read}; else if (t === ${vt}) v = ${s.read}; else r.skip(t); } r.leave(e); m.${f}.set(k, v ?? ${s.kind === 'scalar' ? s.zero : field.resolvedType && !s.ts.startsWith('Encoded') && s.ts !== 'number' ? `${s.ts}.create()` : s.ts === 'number' ? '0' : 'EMPTY'}); break; }`);
      writes.push(`if (${v} !== undefined) for (const [k, v] of [...${v}].reverse()) { const outer = w.mark(); ${s.write('v', vt)} ${k.write('k', kt)} w.nested(outer, ${t}); }`);
      creates.push(`${f}: new Map(${s.create('v') === 'v' ? `${v} ?? []` : `[...(${v} ?? [])].map(([k, v]) => [k, ${s.create('v')}] as const)`}),`);
    } else if (field.repeated) {
      decl.push(`${f}: ${s.ts.includes(' ') ? `(${s.ts})` : s.ts}[];`);
      init.push(`${f}: [],`);
      const packable = s.wire !== 2;
      const t = tag(field.id, s.wire);
      reads.push(`case ${t}: m.${f}.push(${s.read}); break;`);
      if (packable) {
        reads.push(`case ${tag(field.id, 2)}: { const e = r.enter(); while (r.pos < e) m.${f}.push(${s.read}); r.leave(e); break; }`);
        const one = s.write('list[i]!', 0).replace(/ w\.varint\(0\);$/, '');
        writes.push(`{ const list = ${v}; if (list !== undefined && list.length > 0) { const mark = w.mark(); for (let i = list.length - 1; i >= 0; i--) { ${one} } w.nested(mark, ${tag(field.id, 2)}); } }`);
      } else {
        writes.push(`{ const list = ${v}; if (list !== undefined) for (let i = list.length - 1; i >= 0; i--) { ${s.write('list[i]!', t)} } }`);
      }
      creates.push(`${f}: ${s.create('x') === 'x' ? `[...(${v} ?? [])]` : `(${v} ?? []).map((x) => ${s.create('x')})`},`);
    } else {
      const t = tag(field.id, s.wire);
      const inOneof = field.partOf !== null && field.partOf !== undefined;
      const optional = s.kind === 'message' || inOneof;
      decl.push(optional ? `${f}?: ${s.ts} | undefined;` : `${f}: ${s.ts};`);
      if (!inOneof) init.push(`${f}: ${optional ? 'undefined' : s.zero},`);
      reads.push(`case ${t}: m.${f} = ${s.read}; break;`);
      writes.push(`if (${optional ? `${v} !== undefined` : s.isSet(v)}) ${s.write(v, t).startsWith('{') ? s.write(v, t) : `{ ${s.write(v, t)} }`}`);
      const created = s.create(v);
      if (!optional) creates.push(`${f}: ${v} ?? ${s.zero},`);
      else if (inOneof) lateCreates.push(`if (${v} !== undefined) o.${f} = ${created};`);
      else creates.push(`${f}: ${created === v ? v : `${v} === undefined ? undefined : ${created}`},`);
    }
  }
  const used = fields.length > 0;
  return `
export interface ${name} { ${decl.join(' ')} }
export const ${name}: Codec<${name}> = codec<${name}>('${type.fullName.slice(1)}',
  (${used ? 'w, m' : '_w, _m'}) => { ${writes.reverse().join('\n    ')} },
  (r, end) => { const m: ${name} = { ${init.join(' ')} };
    while (r.pos < end) { const tag = r.uint32(); switch (tag) {
      ${reads.join('\n      ')}
      default: r.skip(tag); } }
    return m; },
  (${used ? 'm' : '_m'}) => { const o: ${name} = { ${creates.join(' ')} }; ${lateCreates.join(' ')} return o; });
`;
}

function emitEnum(type) {
  const name = tsName(type);
  const screaming = type.name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2').toUpperCase() + '_';
  const entries = Object.entries(type.values);
  const common = entries.every(([k]) => k.startsWith(screaming)) ? screaming : '';
  return `
export const ${name} = { ${entries.map(([k, v]) => `${/^[0-9]/.test(k.slice(common.length)) ? k : k.slice(common.length)}: ${v},`).join(' ')} } as const;
export type ${name} = (typeof ${name})[keyof typeof ${name}];
`;
}

fs.rmSync(target, { recursive: true, force: true });
fs.mkdirSync(target, { recursive: true });
const files = new Map();
for (const type of reached.values()) (files.get(fileOf(type)) ?? files.set(fileOf(type), []).get(fileOf(type))).push(type);
for (const [file, types] of files) {
  here_ = file;
  imports = new Map();
  const body = types.map((type) => (type instanceof protobuf.Enum ? emitEnum(type) : emitMessage(type))).join('');
  const header = [
    '// Generated by scripts/generate-protocol.mjs. Do not edit.',
    "import { codec, entriesOf, readMillis, setEntry, writeMillis, readNested, EMPTY, type Codec, type Encoded } from '../codec.js';",
    ...[...imports].map(([from, set]) => `import { ${[...set].join(', ')} } from './${from}.js';`),
  ];
  fs.writeFileSync(path.join(target, `${file}.ts`), header.join('\n') + '\n' + body);
}
here_ = 'services';
imports = new Map();
const serviceText = services
  .map((service) => {
    const full = service.fullName.slice(1);
    const methods = service.methodsArray.filter((m) => !m.responseStream).map(
      (m) => `  ${m.name}: method('${full}', '${m.name}', ${ref(m.resolvedRequestType)}, ${ref(m.resolvedResponseType)}),`,
    );
    return `\nexport const ${service.name} = {\n${methods.join('\n')}\n} as const;\n`;
  })
  .join('');
fs.writeFileSync(
  path.join(target, 'services.ts'),
  ['// Generated by scripts/generate-protocol.mjs. Do not edit.', "import { method } from '../method.js';",
    ...[...imports].map(([from, set]) => `import { ${[...set].join(', ')} } from './${from}.js';`)].join('\n') + '\n' + serviceText,
);
fs.writeFileSync(
  path.join(target, 'index.ts'),
  '// Generated by scripts/generate-protocol.mjs. Do not edit.\n' + [...files.keys()].map((f) => `export * from './${f}.js';\n`).join('') + "export * from './services.js';\n",
);
// Those that only travel inside an Any too.
const packed = ['temporal.api.errordetails.v1', 'temporal.api.update.v1'].flatMap((name) => root.lookup(name).nestedArray.filter((type) => type instanceof protobuf.Type));
writeDescriptors(services, [root.lookupType('google.rpc.Status'), ...packed], target);
writeHttpRoutes(services, target);
