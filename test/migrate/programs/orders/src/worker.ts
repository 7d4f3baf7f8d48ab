import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createActivities } from './activities';
import { TASK_QUEUE } from './shared';

async function main(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: ['SIGTERM'] });
  const connection = await NativeConnection.connect({ address: process.env['TEMPORAL_ADDRESS'] });
  try {
    const worker = await Worker.create({
      connection,
      namespace: process.env['TEMPORAL_NAMESPACE'],
      taskQueue: TASK_QUEUE,
      workflowsPath: require.resolve('./workflows'),
      activities: createActivities({ entries: new Map() }),
      maxConcurrentActivityTaskExecutions: 20,
      shutdownGraceTime: '2s',
      // A heartbeat brings the news that the activity was cancelled.
      maxHeartbeatThrottleInterval: '200ms',
    });
    await worker.run();
  } finally {
    await connection.close();
  }
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
