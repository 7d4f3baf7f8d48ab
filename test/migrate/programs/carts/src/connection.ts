import { loadClientConnectConfig } from '@temporalio/envconfig';

/** From TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE. */
export const settings = loadClientConnectConfig({ disableFile: true });
