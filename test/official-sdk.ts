/** The scenarios with the official SDK as client and worker, and its replayer on every history that they left. `npm run test:official`. */
import { loadClient, loadWorker } from '../bench/sdk.js';
import { quietOfficialSdk, replayWithOfficialSdk, withServerFor } from './scenarios/official.js';
import { runScenarios } from './scenarios/stage.js';

await withServerFor(async (address) => {
  const { Client, Connection } = await loadClient('official');
  const { Worker, NativeConnection } = await loadWorker('official');
  await quietOfficialSdk();
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  await runScenarios({
    label: 'official SDK',
    sdk: 'official',
    connect: async () => ({
      client: new Client({ connection }),
      createWorker: (options) => Worker.create({ ...options, connection: native }),
      close: () => native.close(),
    }),
    skip: { 'two workers share one queue': 'the official SDK refuses two such workers in one process' },
    after: (workflowIds) => replayWithOfficialSdk(address, workflowIds),
  });
  await connection.close();
});
