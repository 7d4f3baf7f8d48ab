/** The service of the area, as workflows and handlers share it. */
import { operation, service } from 'nexus-rpc';

export interface Charge {
  /** What the handler does: see `handlers.ts`. */
  readonly how: string;
  /** Of the workflow that stands behind the operation, where one does. */
  readonly id?: string;
}

export const cards = service('cards', {
  /** Answered at once. */
  quote: operation<Charge, string>(),
  /** A workflow stands behind it. */
  charge: operation<Charge, string>(),
  /** The test ends it by hand. */
  byHand: operation<Charge, string>(),
});
