/** Activities whose arguments and results are of a class. */
import type * as Activity from 'perdure/activity';
import { takesAndGives, type Money } from './types.js';

export const activities = (sdk: typeof Activity) => {
  async function double(amount: Money): Promise<Money> {
    return amount.plus(amount);
  }
  sdk.setActivityOptions({ typeInfo: takesAndGives }, double);
  return { double };
};

export type Activities = ReturnType<typeof activities>;
