/** A query as it is written: names and values with their positions, nothing looked up yet. Made by `parser.ts`, read by `compile.ts`. */

export interface Name {
  readonly text: string;
  readonly position: number;
}

export type Literal =
  | { readonly kind: 'string'; readonly value: string; readonly position: number }
  /** `text` is as written: whole numbers may be larger than a number holds. */
  | { readonly kind: 'number'; readonly value: number; readonly text: string; readonly isWhole: boolean; readonly position: number }
  | { readonly kind: 'boolean'; readonly value: boolean; readonly position: number };

export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'IN' | 'NOT IN' | 'BETWEEN' | 'NOT BETWEEN' | 'STARTS_WITH' | 'NOT STARTS_WITH';

export type Expression =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Expression[] }
  | { readonly kind: 'not'; readonly part: Expression }
  /** A value that stands alone: what is searched for. */
  | { readonly kind: 'search'; readonly text: string; readonly position: number }
  | { readonly kind: 'null'; readonly name: Name; readonly negated: boolean }
  | { readonly kind: 'test'; readonly name: Name; readonly operator: Operator; readonly values: readonly Literal[] };

export interface Query {
  readonly where: Expression | undefined;
  readonly groupBy: readonly Name[];
  readonly orderBy: readonly { readonly name: Name; readonly descending: boolean }[];
}
