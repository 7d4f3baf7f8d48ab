/**
 * The scenarios with the official SDK as client and worker, and both replayers on every history that they left. `npm run test:official`.
 * PERDURE_DUMP: a file for what the scenarios left, for a comparison of servers; nothing is replayed then.
 */
import { DumpFile } from './scenarios/dump.js';
import { quietOfficialSdk, replayWithBothSdks, withServer } from './scenarios/official.js';
import { sites } from './scenarios/site.js';
import { runScenarios } from './scenarios/stage.js';

const file = process.env['PERDURE_DUMP'];

await withServer(async (address, isOurServer) => {
  await quietOfficialSdk();
  const dump = file === undefined ? undefined : new DumpFile(file);
  await runScenarios({
    label: 'official SDK',
    isOurServer,
    isProcess: true,
    connect: (recorder) => sites.at('official', address, recorder),
    ...(dump ? { finished: (finished) => dump.add(finished) } : { after: replayWithBothSdks }),
  });
  dump?.write();
});
