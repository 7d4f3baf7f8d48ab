/** What the rest of the server may import from the store: the port, its errors, and the way to open each implementation. */
export * from './store.js';
export * from './errors.js';
export { openSqliteStore, type SqliteStoreOptions } from './sqlite/open.js';
export {
  SimulatedStore,
  randomFaults,
  type FaultPlan,
  type SimulatedStoreOptions,
  type StoreFault,
  type StoreOperation,
} from './simulated/simulated-store.js';
export { SimulatedDisk } from './simulated/simulated-disk.js';
