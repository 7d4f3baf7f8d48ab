/**
 * What a list query means once names and values are understood: a tree of conditions on listed attributes, and an order.
 *
 * `compile.ts` makes it from a query's text; `evaluate.ts` applies it to a row in memory; a store on a database turns it into its own
 * language. All of them agree on this: a condition on an attribute that a row does not have is neither true nor false, NOT of that is
 * neither as well, and a row is found if the whole is true. A value of another type (the attribute had that once) is as good as none.
 * Only `contains`, `includes` and `matches` are always true or false.
 */

export type Scalar = string | number;

export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=';

export type Condition =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Condition[] }
  | { readonly kind: 'not'; readonly part: Condition }
  | { readonly kind: 'compare'; readonly attribute: string; readonly operator: Comparison; readonly value: Scalar }
  | { readonly kind: 'in'; readonly attribute: string; readonly values: readonly Scalar[] }
  /** Both ends belong to it. */
  | { readonly kind: 'between'; readonly attribute: string; readonly from: Scalar; readonly to: Scalar }
  | { readonly kind: 'starts-with'; readonly attribute: string; readonly prefix: string }
  | { readonly kind: 'is-null'; readonly attribute: string }
  /** A text that is compared as a whole has this part, which is in lower case; only the letters A to Z have another one. */
  | { readonly kind: 'includes'; readonly attribute: string; readonly part: string }
  /** A list holds one of the values. */
  | { readonly kind: 'contains'; readonly attribute: string; readonly values: readonly string[] }
  /** A text holds one of the phrases, each as `words` in `text.ts` writes it, or without the space behind: then the last word goes on. */
  | { readonly kind: 'matches'; readonly attribute: string; readonly phrases: readonly string[] };

/** Rows without the attribute come last, in either direction. */
export interface OrderTerm {
  readonly attribute: string;
  readonly descending: boolean;
}

/** What a row is found by beside its listed attributes: its key and its id. */
export const KEY_ATTRIBUTE = 'WorkflowId';
export const ID_ATTRIBUTE = 'RunId';
/** Only in an order, never in a condition: the order in which rows came into being, which nothing changes. No two rows have the same. */
export const CREATION_ATTRIBUTE = '#created';
/** Left out of a listing, they are the key and the id of the row itself: most rows are the root of their own tree. */
export const ROOT_KEY_ATTRIBUTE = 'RootWorkflowId';
export const ROOT_ID_ATTRIBUTE = 'RootRunId';
/** A row that has it belongs to the server's own business: it is found by queries that name it. */
export const DIVISION_ATTRIBUTE = 'TemporalNamespaceDivision';

/** The conditions that all hold if this one does. */
export function conjuncts(condition: Condition | undefined): readonly Condition[] {
  if (condition === undefined) return [];
  return condition.kind === 'and' ? condition.parts.flatMap(conjuncts) : [condition];
}
