/**
 * Reflection as a tool uses it: an independent client walks from the list of services to all their messages, and an independent protobuf
 * implementation must be able to work with what it got.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import type * as protobufjs from 'protobufjs';
import { Code, Memo, OperatorService, StartWorkflowExecutionRequest, WorkflowService } from '../../protocol/index.js';
import { Router } from '../../transport/transport.js';
import { openGrpcDoor } from './door.js';
import { REFLECTION_PATHS } from './reflection.js';
import { foreignClient } from './testing-grpc-js.js';

const require = createRequire(import.meta.url);
const protobuf = require('protobufjs') as typeof protobufjs;
const descriptor = require('protobufjs/ext/descriptor') as { readonly FileDescriptorProto: protobufjs.Type; readonly FileDescriptorSet: protobufjs.Type };

const { root: reflectionRoot } = protobuf.parse(`
  syntax = "proto3";
  message Request { string host = 1; oneof question { string file_by_filename = 3; string file_containing_symbol = 4; Extension file_containing_extension = 5; string list_services = 7; } }
  message Extension { string containing_type = 1; int32 extension_number = 2; }
  message Response { string valid_host = 1; Request original_request = 2; Files file_descriptor_response = 4; Services list_services_response = 6; Problem error_response = 7; }
  message Files { repeated bytes file_descriptor_proto = 1; }
  message Services { repeated Service service = 1; }
  message Service { string name = 1; }
  message Problem { int32 error_code = 1; string error_message = 2; }`);
const Request = reflectionRoot.lookupType('Request');
const Response = reflectionRoot.lookupType('Response');

interface Reply {
  readonly validHost: string;
  readonly originalRequest: Record<string, unknown>;
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: Buffer[] };
  readonly listServicesResponse?: { readonly service: { readonly name: string }[] };
  readonly errorResponse?: { readonly errorCode: number; readonly errorMessage: string };
}

test('a tool learns the services and everything their messages are made of', async () => {
  const router = new Router().add(WorkflowService.GetSystemInfo, () => ({})).add(OperatorService.ListSearchAttributes, () => ({}));
  const door = await openGrpcDoor({ router, host: '127.0.0.1', port: 0 });
  const { client } = foreignClient(door.address);
  for (const path of REFLECTION_PATHS) {
    const stream = client.makeBidiStreamRequest(
      path,
      (message: object) => Buffer.from(Request.encode(Request.fromObject(message)).finish()),
      (bytes) => Response.toObject(Response.decode(bytes)) as Reply,
    );
    const replies = (stream as AsyncIterable<Reply>)[Symbol.asyncIterator]();
    const ask = async (question: object): Promise<Reply> => {
      stream.write(question);
      return (await replies.next()).value as Reply;
    };

    const listed = await ask({ host: 'h', listServices: '*' });
    assert.deepEqual(listed.listServicesResponse?.service.map(({ name }) => name), [
      'grpc.health.v1.Health',
      'temporal.api.operatorservice.v1.OperatorService',
      'temporal.api.workflowservice.v1.WorkflowService',
    ]);
    assert.equal(listed.validHost, 'h');
    assert.deepEqual(listed.originalRequest, { host: 'h', listServices: '*' });

    const { FileDescriptorProto, FileDescriptorSet } = descriptor;
    const files = new Map<string, object>();
    for (const symbol of ['grpc.health.v1.Health', 'temporal.api.workflowservice.v1.WorkflowService', 'temporal.api.errordetails.v1.NotFoundFailure', 'google.rpc.Status']) {
      const reply = await ask({ fileContainingSymbol: symbol });
      for (const bytes of reply.fileDescriptorResponse?.fileDescriptorProto ?? []) {
        const file = FileDescriptorProto.toObject(FileDescriptorProto.decode(bytes)) as { name: string };
        files.set(file.name, file);
      }
    }
    for (const file of files.values()) {
      for (const name of (file as { dependency?: string[] }).dependency ?? []) assert.ok(files.has(name), `${name} is missing`);
    }
    // protobufjs resolves every reference, or throws. It shows maps as what they are on the wire, lists of entries.
    const set = FileDescriptorSet.fromObject({ file: [...files.values()] });
    const root = (protobuf.Root as unknown as { fromDescriptor(set: object): protobufjs.Root }).fromDescriptor(set).resolveAll();
    const type = root.lookupType('temporal.api.workflowservice.v1.StartWorkflowExecutionRequest');
    const message = { workflow_id: 'w', memo: { fields: [{ key: 'a', value: { data: Buffer.from('1') } }] }, workflow_id_reuse_policy: 2, workflow_run_timeout: { seconds: 5 } };
    const decoded = StartWorkflowExecutionRequest.decode(type.encode(type.fromObject(message)).finish());
    assert.deepEqual([...Memo.decode(decoded.memo as Uint8Array).fields.keys()], ['a']);
    assert.deepEqual([decoded.workflowId, decoded.workflowIdReusePolicy, decoded.workflowRunTimeout], ['w', 2, 5000]);
    assert.equal(type.fields['workflow_run_timeout']?.id, 7);
    assert.ok(root.lookupService('temporal.api.workflowservice.v1.WorkflowService').methods['StartWorkflowExecution']);

    const byName = await ask({ fileByFilename: 'temporal/api/enums/v1.proto' });
    assert.equal(byName.fileDescriptorResponse?.fileDescriptorProto.length, 1);
    for (const symbol of ['temporal.api.workflowservice.v1.WorkflowService.StartWorkflowExecution', 'temporal.api.enums.v1.EventType', 'temporal.api.common.v1.Link.WorkflowEvent']) {
      assert.ok((await ask({ fileContainingSymbol: symbol })).fileDescriptorResponse, symbol);
    }
    assert.equal((await ask({ fileContainingSymbol: 'no.such.Thing' })).errorResponse?.errorCode, Code.NOT_FOUND);
    assert.equal((await ask({ fileByFilename: 'no/such.proto' })).errorResponse?.errorCode, Code.NOT_FOUND);
    assert.equal((await ask({ fileContainingExtension: { containingType: 'x', extensionNumber: 1 } })).errorResponse?.errorCode, Code.UNIMPLEMENTED);
    stream.end();
    assert.equal((await replies.next()).done, true);
  }
  client.close();
  await door.close(1000);
});
