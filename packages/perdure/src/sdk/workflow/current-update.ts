/** Which update the calling code belongs to. It follows `await`, so code that a handler calls finds it too. */
import { currentRun } from './current-run.js';
import { realmHost, type AsyncStorage } from './realm-host.js';

export interface UpdateInfo {
  /** Unique among the updates of the workflow execution. */
  readonly id: string;
  /** The name of the update. */
  readonly name: string;
}

let storage: AsyncStorage<UpdateInfo> | undefined;

/** The update whose handler or validator is running here; undefined elsewhere in the workflow. */
export function currentUpdateInfo(): UpdateInfo | undefined {
  currentRun('currentUpdateInfo');
  return storage?.getStore();
}

export function runAsUpdate<R>(info: UpdateInfo, callback: () => R): R {
  storage ??= realmHost()?.createAsyncStorage();
  return storage === undefined ? callback() : storage.run(info, callback);
}
