/** What is wrong with a query, where, and what may have been meant. The frontend answers it as INVALID_ARGUMENT. */
import { near } from '../text/near.js';

export class QueryProblem extends Error {
  override readonly name = 'QueryProblem';
  /** Where in the query's text, counted from 1. */
  readonly position: number;

  constructor(message: string, position: number, advice = '') {
    super(`invalid query: ${message} (at position ${position})${advice === '' ? '' : `. ${advice}`}`);
    this.position = position;
  }
}

/** `Did you mean X?`, or nothing if no candidate is close. */
export function didYouMean(typed: string, candidates: Iterable<string>): string {
  const [name] = near(typed, candidates);
  return name === undefined ? '' : `Did you mean ${name}?`;
}
