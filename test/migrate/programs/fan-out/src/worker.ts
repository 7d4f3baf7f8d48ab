import { DefaultLogger, NativeConnection, Runtime, Worker, bundleWorkflowCode } from '@temporalio/worker';

async function main(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const connection = await NativeConnection.connect({ address: process.env['TEMPORAL_ADDRESS'] });
  // Two workers share one bundle: the code is bundled once.
  const workflowBundle = await bundleWorkflowCode({ workflowsPath: require.resolve('./workflows'), logger: new DefaultLogger('ERROR') });
  const workers = await Promise.all(
    ['fan-out', 'pages'].map((taskQueue) =>
      Worker.create({ connection, namespace: process.env['TEMPORAL_NAMESPACE'], taskQueue, workflowBundle, identity: `worker of ${taskQueue}` }),
    ),
  );
  await Promise.all(workers.map((worker) => worker.run()));
  await connection.close();
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
