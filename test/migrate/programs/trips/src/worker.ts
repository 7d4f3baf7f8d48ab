import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { bundleWorkflowCode, DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { BookingService, createActivities } from './activities';

/** What a build does: only the code is kept. */
async function build(): Promise<string> {
  const { code } = await bundleWorkflowCode({ workflowsPath: require.resolve('./workflows'), logger: new DefaultLogger('ERROR') });
  const codePath = path.join(__dirname, 'workflow-bundle.js');
  await writeFile(codePath, code);
  return codePath;
}

async function main(): Promise<void> {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }), forward: {} } },
  });
  const connection = await NativeConnection.connect({ address: process.env['TEMPORAL_ADDRESS'] });
  const worker = await Worker.create({
    connection,
    namespace: process.env['TEMPORAL_NAMESPACE'],
    taskQueue: 'trips',
    workflowBundle: { codePath: await build() },
    activities: createActivities(new BookingService()),
    maxHeartbeatThrottleInterval: 5,
    defaultHeartbeatThrottleInterval: 5,
  });
  await worker.run();
  await connection.close();
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
