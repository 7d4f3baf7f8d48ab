/** The scenarios with our SDK, and both replayers on every history that they left. `npm run test:official`. */
import { DefaultLogger, Runtime } from 'perdure/worker';
import { quietOfficialSdk, replayWithBothSdks, withServer } from './scenarios/official.js';
import { sites } from './scenarios/site.js';
import { runScenarios } from './scenarios/stage.js';

await withServer(async (address, isOurServer) => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  await quietOfficialSdk();
  await runScenarios({
    label: 'our SDK, replayed by the official one',
    isOurServer,
    isProcess: true,
    connect: (recorder) => sites.at('ours', address, recorder),
    after: replayWithBothSdks,
  });
});
