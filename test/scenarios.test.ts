/** The scenarios with our SDK: in process against an embedded engine, and over gRPC against the server process. */
import { DefaultLogger, Runtime } from 'perdure/worker';
import { sites, startOwnServer } from './scenarios/site.js';
import { runScenarios } from './scenarios/stage.js';

// Activities fail on purpose here.
Runtime.install({ logger: new DefaultLogger('ERROR') });

await runScenarios({ label: 'our SDK in process', isOurServer: true, isProcess: false, connect: sites.inProcess });

await runScenarios({
  label: 'our SDK over gRPC',
  isOurServer: true,
  isProcess: true,
  connect: async (recorder) => {
    const server = await startOwnServer();
    const site = await sites.at('ours', server.address, recorder);
    return {
      ...site,
      close: async () => {
        await site.close();
        await server.stop();
      },
    };
  },
});
