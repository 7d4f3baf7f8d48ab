/** Interceptors of schedules: they see and change what is created, and their headers travel with the workflows that it starts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Header, WorkflowService } from '../../protocol/index.js';
import { defaultPayloadConverter } from '../common/index.js';
import { Client } from './client.js';
import { Connection } from './connection.js';
import type { ScheduleClientInterceptor } from './interceptors.js';
import { ScriptedTransport } from './scripted-transport.js';

test('creation goes through the interceptors, the first one first', async () => {
  const transport = new ScriptedTransport().onSequence(WorkflowService.CreateSchedule, { conflictToken: Uint8Array.of(7) });
  const seen: unknown[] = [];
  const outer: ScheduleClientInterceptor = {
    create: async (input, next) => {
      seen.push(`outer ${input.options.scheduleId}`);
      const output = await next({ options: { ...input.options, memo: { by: 'outer' } }, headers: { trace: defaultPayloadConverter.toPayload('t') } });
      seen.push([...output.conflictToken]);
      return output;
    },
  };
  const inner: ScheduleClientInterceptor = {
    create: (input, next) => {
      seen.push(`inner ${JSON.stringify(input.options.memo)}`);
      return next(input);
    },
  };
  const client = new Client({ connection: Connection.from(transport), interceptors: { schedule: [outer, inner] } });
  await client.schedule.create({ scheduleId: 's', spec: { cronExpressions: ['@daily'] }, action: { type: 'startWorkflow', workflowType: 'report', taskQueue: 'q' } });
  assert.deepEqual(seen, ['outer s', 'inner {"by":"outer"}', [7]]);
  const [request] = transport.requests(WorkflowService.CreateSchedule);
  assert.deepEqual([...Header.decode(request?.schedule?.action?.startWorkflow?.header ?? new Uint8Array()).fields.keys()], ['trace']);
  assert.ok((request?.memo?.byteLength ?? 0) > 0);
});
