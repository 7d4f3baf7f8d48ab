/** What belongs to an activity function, not to one call of it. */
import type { ActivityFunction } from './definitions.js';
import type { PayloadTypeInfo } from './type-info.js';

export interface ActivityDefinitionOptions {
  /** How arguments and result travel: for its workers, and for clients that start it by its function. */
  typeInfo?: PayloadTypeInfo;
}

/** Hints of types by the names of activities. */
export type ActivityTypeInfoMap<A> = Partial<Record<{ [K in keyof A & string]: A[K] extends ActivityFunction ? K : never }[keyof A & string], PayloadTypeInfo>>;

/** What {@link setActivityOptions} puts on the function. */
interface WithOptions {
  activityDefinitionOptions?: ActivityDefinitionOptions;
}

/**
 * Gives an activity function options. Workflows that call it name the same hints: `proxyActivities({ activityTypeInfo })`.
 *
 * @example setActivityOptions({ typeInfo: { inputTypes: [moneyType], outputType: receiptType } }, charge);
 */
export function setActivityOptions<Args extends never[], Result>(options: ActivityDefinitionOptions, activity: (...args: Args) => Promise<Result>): void {
  const given: WithOptions = { activityDefinitionOptions: options };
  Object.assign(activity, given);
}

/** The hints of an activity function; none if it was given none. */
export function activityTypeInfoOf(activity: unknown): PayloadTypeInfo | undefined {
  return typeof activity === 'function' ? (activity as WithOptions).activityDefinitionOptions?.typeInfo : undefined;
}

/** `wrapper`, with the options of the activity function that it stands for. */
export function definedAs<Wrapper extends (...args: never[]) => unknown>(activity: object, wrapper: Wrapper): Wrapper {
  const { activityDefinitionOptions } = activity as WithOptions;
  return activityDefinitionOptions === undefined ? wrapper : Object.assign(wrapper, { activityDefinitionOptions });
}
