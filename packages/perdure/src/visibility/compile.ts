/**
 * Syntax tree of a list query → conditions on listed attributes, and an order: names resolved, values typed, operators checked.
 *
 * Pure: the attributes of the namespace and the time are given. What comes out holds no text of the query but values, so nothing that a
 * client writes can become part of a statement.
 */
import { PROBLEM_ATTRIBUTE } from '../machines/listing.js';
import { typeName, type SearchAttributeTypes } from '../machines/search-attributes/names.js';
import { IndexedValueType } from '../protocol/index.js';
import { resolve, type Attribute } from './attributes.js';
import { DIVISION_ATTRIBUTE, KEY_ATTRIBUTE, type Comparison, type Condition, type OrderTerm, type Scalar } from './condition.js';
import { parseQuery } from './parser.js';
import { QueryProblem } from './query-problem.js';
import type { Expression, Literal, Name, Operator } from './syntax.js';
import { lowerCase, phrases } from './text.js';
import { valueOf } from './values.js';

export interface CompiledQuery {
  readonly condition: Condition | undefined;
  /** Empty: those that run first, then those that closed last; of these, and of the others, those that started last. */
  readonly order: readonly OrderTerm[];
  /** Of counts. */
  readonly groupBy: Attribute | undefined;
}

/** What a query is compiled for. */
export interface QueryContext {
  /** Custom search attributes of the namespace. */
  readonly attributes: SearchAttributeTypes;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Another name of the key of what is listed. */
  readonly keyName?: string | undefined;
}

/** @throws QueryProblem */
export function compileQuery(text: string, context: QueryContext): CompiledQuery {
  const compiler = new Compiler(context);
  const query = parseQuery(text);
  const where = query.where === undefined ? undefined : compiler.condition(query.where);
  const order = query.orderBy.map(({ name, descending }) => ({ attribute: compiler.single(name, 'ORDER BY').name, descending }));
  const [groupName, second] = query.groupBy;
  if (second !== undefined) throw new QueryProblem("operation is not supported: 'GROUP BY' clause supports only a single field", second.position);
  const groupBy = groupName && compiler.single(groupName, 'GROUP BY');
  return { condition: withoutDivisions(where, compiler.namesDivision), order, groupBy };
}

/** The server's own business is found only by who asks for it. */
function withoutDivisions(where: Condition | undefined, namesDivision: boolean): Condition | undefined {
  if (namesDivision) return where;
  const plain: Condition = { kind: 'is-null', attribute: DIVISION_ATTRIBUTE };
  return where === undefined ? plain : { kind: 'and', parts: [where, plain] };
}

class Compiler {
  readonly #context: QueryContext;
  namesDivision = false;

  constructor(context: QueryContext) {
    this.#context = context;
  }

  condition(expression: Expression): Condition {
    switch (expression.kind) {
      case 'and':
      case 'or':
        return { kind: expression.kind, parts: expression.parts.map((part) => this.condition(part)) };
      case 'not':
        return not(this.condition(expression.part));
      case 'null': {
        const isNull: Condition = { kind: 'is-null', attribute: this.#resolve(expression.name).name };
        return expression.negated ? not(isNull) : isNull;
      }
      case 'search':
        return search(expression.text, expression.position);
      case 'test':
        return this.#test(this.#resolve(expression.name), expression.operator, expression.values, expression.name);
    }
  }

  /** An attribute of which a row has at most one value. */
  single(name: Name, clause: string): Attribute {
    const attribute = this.#resolve(name);
    if (attribute.type === IndexedValueType.TEXT || attribute.type === IndexedValueType.KEYWORD_LIST) {
      throw new QueryProblem(`operation is not supported: '${clause}' clause is not supported for search attribute ${name.text} of type ${typeName(attribute.type)}`, name.position);
    }
    return attribute;
  }

  #resolve(name: Name): Attribute {
    const attribute = resolve(name, this.#context.attributes, this.#context.keyName);
    if (attribute.name === DIVISION_ATTRIBUTE) this.namesDivision = true;
    return attribute;
  }

  #test(attribute: Attribute, operator: Operator, values: readonly Literal[], name: Name): Condition {
    if (attribute.type === IndexedValueType.TEXT) return this.#text(attribute, operator, values, name);
    if (attribute.type === IndexedValueType.KEYWORD_LIST) return this.#list(attribute, operator, values, name);
    return this.#scalar(attribute, operator, values, name);
  }

  #scalar(attribute: Attribute, operator: Operator, literals: readonly Literal[], name: Name): Condition {
    const of = attribute.name;
    const [first, second] = literals.map((literal) => valueOf(literal, attribute, this.#context.now));
    if (first === undefined) throw new QueryProblem('invalid expression: incomplete expression', name.position);
    switch (operator) {
      case 'IN':
      case 'NOT IN':
        return negatedIf(operator === 'NOT IN', { kind: 'in', attribute: of, values: literals.map((literal) => valueOf(literal, attribute, this.#context.now)) });
      case 'BETWEEN':
      case 'NOT BETWEEN':
        if (attribute.type === IndexedValueType.BOOL) throw noRange(attribute, name);
        return negatedIf(operator === 'NOT BETWEEN', { kind: 'between', attribute: of, from: first, to: second ?? first });
      case 'STARTS_WITH':
      case 'NOT STARTS_WITH':
        if (typeof first !== 'string') throw unsupported(operator, attribute, name);
        return negatedIf(operator === 'NOT STARTS_WITH', { kind: 'starts-with', attribute: of, prefix: first });
      default:
        return compare(of, operator, first);
    }
  }

  #list(attribute: Attribute, operator: Operator, literals: readonly Literal[], name: Name): Condition {
    if (operator === 'BETWEEN' || operator === 'NOT BETWEEN') throw noRange(attribute, name);
    if (operator !== '=' && operator !== '!=' && operator !== 'IN' && operator !== 'NOT IN') throw unsupported(operator, attribute, name);
    const values = literals.map((literal) => String(valueOf(literal, attribute, this.#context.now)));
    return negatedIf(operator === '!=' || operator === 'NOT IN', { kind: 'contains', attribute: attribute.name, values });
  }

  #text(attribute: Attribute, operator: Operator, literals: readonly Literal[], name: Name): Condition {
    if (operator === 'BETWEEN' || operator === 'NOT BETWEEN') throw noRange(attribute, name);
    if (operator !== '=' && operator !== '!=') throw unsupported(operator, attribute, name);
    const search = literals.map((literal) => String(valueOf(literal, attribute, this.#context.now))).join(' ');
    if (search.trim() === '') throw new QueryProblem(`invalid expression: no tokens found filtering on Text type search attribute ${name.text}`, literals[0]?.position ?? name.position);
    return negatedIf(operator === '!=', { kind: 'matches', attribute: attribute.name, phrases: phrases(search) });
  }
}

const MOST_WORDS = 20;

/**
 * A search finds rows that have each word of it in their id, in their type or in what went wrong: anywhere in the first two, at the
 * beginning of words in the last.
 */
function search(text: string, position: number): Condition {
  const parts = text.split(/\s+/u).filter((part) => part !== '');
  if (parts.length === 0) throw new QueryProblem('invalid expression: there is nothing to search for', position);
  if (parts.length > MOST_WORDS) throw new QueryProblem(`invalid expression: a search has at most ${MOST_WORDS} words`, position);
  const conditions = parts.map((part): Condition => {
    const named = [KEY_ATTRIBUTE, 'WorkflowType'].map((attribute): Condition => ({ kind: 'includes', attribute, part: lowerCase(part) }));
    return { kind: 'or', parts: [...named, { kind: 'matches', attribute: PROBLEM_ATTRIBUTE, phrases: phrases(part).map((phrase) => phrase.trimEnd()) }] };
  });
  return { kind: 'and', parts: conditions };
}

const compare = (attribute: string, operator: Comparison, value: Scalar): Condition => ({ kind: 'compare', attribute, operator, value });
const not = (part: Condition): Condition => ({ kind: 'not', part });
const negatedIf = (negated: boolean, condition: Condition): Condition => (negated ? not(condition) : condition);

/** For whoever tried otherwise. */
function comparisonsOf(type: IndexedValueType): string {
  switch (type) {
    case IndexedValueType.TEXT:
      return 'A text is searched for words, with = and !=.';
    case IndexedValueType.KEYWORD_LIST:
      return 'A list is asked for what it holds, with =, !=, IN and NOT IN.';
    case IndexedValueType.BOOL:
      return 'It is compared with = and !=.';
    default:
      return 'It is compared with =, !=, <, <=, >, >=, IN and BETWEEN.';
  }
}

function unsupported(operator: Operator, { type }: Attribute, { text, position }: Name): QueryProblem {
  return new QueryProblem(`operation is not supported: operator '${operator}' not supported for ${typeName(type)} type search attribute '${text}'`, position, comparisonsOf(type));
}

function noRange({ type }: Attribute, { text, position }: Name): QueryProblem {
  return new QueryProblem(`invalid expression: cannot do range condition on search attribute '${text}' of type ${typeName(type)}`, position, comparisonsOf(type));
}
