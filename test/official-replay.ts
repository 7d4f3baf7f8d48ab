/** The scenarios with our SDK, and the official replayer on every history that they left. `npm run test:official`. */
import { Client, Connection } from 'perdure/client';
import { DefaultLogger, Runtime, Worker } from 'perdure/worker';
import { quietOfficialSdk, replayWithOfficialSdk, withServerFor } from './scenarios/official.js';
import { runScenarios } from './scenarios/stage.js';

await withServerFor(async (address) => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  await quietOfficialSdk();
  const connection = await Connection.connect({ address });
  await runScenarios({
    label: 'our SDK, replayed by the official one',
    sdk: 'ours',
    connect: async () => ({
      client: new Client({ connection }),
      createWorker: (options) => Worker.create({ ...options, connection }),
      close: () => connection.close(),
    }),
    after: (workflowIds) => replayWithOfficialSdk(address, workflowIds),
  });
});
