/** Simulation: workflows, and the engine itself, under injected faults, in virtual time, from one seed. */
export { simulate } from './simulate.js';
export { SimulationError } from './simulation-error.js';
export type { Delivery, MessageOutcome, SimulatedEnd, SimulatedMessage, SimulatedSeed, SimulatedTaskQueue, SimulatedView, SimulationOptions, SimulationReport } from './simulation-options.js';
export type { Fault, FaultKind } from './faults.js';
