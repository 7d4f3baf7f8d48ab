import { DefaultLogger, NativeConnection, Runtime, Worker, type InjectedSinks } from '@temporalio/worker';
import * as activities from './activities';
import { dataConverter } from './data-converter';
import type { AuditSinks } from './sinks';

/** What the sinks heard, as the activity `heard` tells it. */
const records: string[] = [];

const sinks: InjectedSinks<AuditSinks> = {
  audit: {
    record: {
      fn: (info, event, { tenant }) => void records.push(`${info.workflowType} ${event} for ${tenant}`),
      callDuringReplay: false,
    },
    total: { fn: (info, amount) => void records.push(`${info.workflowId} has ${amount}`) },
  },
};

async function main(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const connection = await NativeConnection.connect({ address: process.env['TEMPORAL_ADDRESS'] });
  const worker = await Worker.create({
    connection,
    namespace: process.env['TEMPORAL_NAMESPACE'],
    taskQueue: 'plumbing',
    workflowsPath: require.resolve('./workflows'),
    activities: { ...activities, heard: async () => records },
    dataConverter,
    sinks,
    interceptors: { activity: [activities.activityInterceptors], workflowModules: [require.resolve('./workflow-interceptors')] },
    // No run stays in memory: each task replays, so a sink that is called in a replay would be heard twice.
    maxCachedWorkflows: 0,
  });
  await worker.run();
  await connection.close();
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
