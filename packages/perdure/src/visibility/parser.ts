/**
 * Text of a list query → syntax tree.
 *
 * The language is the filter of a SQL SELECT: comparisons of attributes with values, AND, OR, NOT and brackets, then GROUP BY and
 * ORDER BY. Beyond SQL, a text in quotes may stand alone as a condition: a search. Keywords in any case. AND binds tighter than OR, NOT tighter than AND. Pure; sizes are bounded, because a tree becomes a
 * statement with as many parts.
 */
import { QueryProblem } from './query-problem.js';
import type { Expression, Literal, Name, Operator, Query } from './syntax.js';
import { tokenize, type Token } from './tokens.js';

const MOST_CHARACTERS = 100_000;
const MOST_TESTS = 200;
const MOST_VALUES = 5_000;
const MOST_DEPTH = 50;

/** @throws QueryProblem */
export function parseQuery(text: string): Query {
  if (text.length > MOST_CHARACTERS) throw new QueryProblem(`it has ${text.length} characters, at most ${MOST_CHARACTERS} are accepted`, MOST_CHARACTERS);
  return new Parser(tokenize(text)).query();
}

const COMPARISONS: Readonly<Record<string, Operator>> = { '=': '=', '!=': '!=', '<>': '!=', '<': '<', '<=': '<=', '>': '>', '>=': '>=' };
const CLAUSES = new Set(['AND', 'OR', 'NOT', 'IN', 'IS', 'NULL', 'BETWEEN', 'STARTS_WITH', 'GROUP', 'ORDER', 'BY', 'TRUE', 'FALSE', 'LIKE', 'LIMIT', 'WHERE', 'SELECT', 'HAVING', 'UNION', 'FOR', 'CASE', 'EXISTS', 'XOR', 'REGEXP', 'ASC', 'DESC']);
/** What may stand behind a condition. */
const ENDS = new Set([')', '&&', '||', 'AND', 'OR', 'GROUP', 'ORDER']);

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;
  #tests = 0;
  #values = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  query(): Query {
    const first = this.#peek();
    const hasWhere = first.kind !== 'end' && !this.#isWord('GROUP') && !this.#isWord('ORDER');
    const where = hasWhere ? this.#or() : undefined;
    const groupBy = this.#takeWord('GROUP') ? this.#by(() => this.#name()) : [];
    const orderBy = this.#takeWord('ORDER') ? this.#by(() => this.#orderTerm()) : [];
    const rest = this.#peek();
    if (this.#isWord('LIMIT')) throw new QueryProblem("operation is not supported: 'LIMIT' clause", rest.position, 'Ask for a page size instead.');
    if (rest.kind !== 'end') throw this.#unexpected(rest, where === undefined ? 'a condition' : 'AND, OR or the end');
    return { where, groupBy, orderBy };
  }

  #by<Item>(item: () => Item): Item[] {
    if (!this.#takeWord('BY')) throw this.#unexpected(this.#peek(), 'BY');
    const items = [item()];
    while (this.#takeSymbol(',')) items.push(item());
    return items;
  }

  #orderTerm(): { readonly name: Name; readonly descending: boolean } {
    const name = this.#name();
    if (this.#takeWord('DESC')) return { name, descending: true };
    this.#takeWord('ASC');
    return { name, descending: false };
  }

  #or(): Expression {
    const parts = [this.#and()];
    while (this.#takeWord('OR') || this.#takeSymbol('||')) parts.push(this.#and());
    return join('or', parts);
  }

  #and(): Expression {
    const parts = [this.#not()];
    while (this.#takeWord('AND') || this.#takeSymbol('&&')) parts.push(this.#not());
    return join('and', parts);
  }

  #not(): Expression {
    if (!this.#isWord('NOT')) return this.#primary();
    this.#enter();
    this.#next += 1;
    const part = this.#not();
    this.#depth -= 1;
    return { kind: 'not', part };
  }

  #primary(): Expression {
    if (this.#standsAlone()) return this.#search();
    if (!this.#isSymbol('(')) return this.#test();
    this.#enter();
    this.#next += 1;
    const inner = this.#or();
    if (!this.#takeSymbol(')')) throw this.#unexpected(this.#peek(), 'AND, OR or a closing bracket');
    this.#depth -= 1;
    return inner;
  }

  /** A string with nothing behind it that it could be compared with. */
  #standsAlone(): boolean {
    const behind = this.#tokens[this.#next + 1];
    if (this.#peek().kind !== 'string' || behind === undefined) return false;
    return behind.kind === 'end' || (behind.kind === 'symbol' && ENDS.has(behind.text)) || (behind.kind === 'word' && ENDS.has(behind.text.toUpperCase()));
  }

  #search(): Expression {
    const { text, position } = this.#take();
    this.#countTest(position);
    return { kind: 'search', text, position };
  }

  #countTest(position: number): void {
    if (++this.#tests > MOST_TESTS) throw new QueryProblem(`it has more than ${MOST_TESTS} conditions`, position, 'Use IN for many values of one attribute.');
  }

  #enter(): void {
    if (++this.#depth > MOST_DEPTH) throw new QueryProblem(`it is nested more than ${MOST_DEPTH} levels deep`, this.#peek().position);
  }

  #test(): Expression {
    const name = this.#name();
    this.#countTest(name.position);
    if (this.#takeWord('IS')) return this.#isNull(name);
    const negated = this.#takeWord('NOT');
    const token = this.#take();
    const word = token.kind === 'word' ? token.text.toUpperCase() : '';
    if (word === 'IN') return { kind: 'test', name, operator: negated ? 'NOT IN' : 'IN', values: this.#list() };
    if (word === 'STARTS_WITH') return { kind: 'test', name, operator: negated ? 'NOT STARTS_WITH' : 'STARTS_WITH', values: [this.#value()] };
    if (word === 'BETWEEN') {
      const from = this.#value();
      if (!this.#takeWord('AND')) throw this.#unexpected(this.#peek(), 'AND and the other end');
      return { kind: 'test', name, operator: negated ? 'NOT BETWEEN' : 'BETWEEN', values: [from, this.#value()] };
    }
    const operator = !negated && token.kind === 'symbol' ? COMPARISONS[token.text] : undefined;
    if (operator !== undefined) return { kind: 'test', name, operator, values: [this.#value()] };
    throw this.#noOperator(name, token);
  }

  #noOperator(name: Name, token: Token): QueryProblem {
    if (token.kind === 'end' || token.text === ')') return new QueryProblem('invalid expression: incomplete expression', token.position, `Compare ${name.text} with a value.`);
    const word = token.text.toUpperCase();
    if (word === 'LIKE' || word === 'REGEXP' || word === '<=>') {
      return new QueryProblem(`operation is not supported: operator '${word}'`, token.position, word === 'LIKE' ? 'Use STARTS_WITH.' : '');
    }
    return this.#unexpected(token, 'an operator (=, !=, <, <=, >, >=, IN, BETWEEN, STARTS_WITH, IS)');
  }

  #isNull(name: Name): Expression {
    const negated = this.#takeWord('NOT');
    const token = this.#peek();
    if (!this.#takeWord('NULL')) throw new QueryProblem("invalid expression: 'IS' operator can only be used as 'IS NULL' or 'IS NOT NULL'", token.position);
    return { kind: 'null', name, negated };
  }

  #list(): Literal[] {
    if (!this.#takeSymbol('(')) throw this.#unexpected(this.#peek(), 'a list of values in brackets');
    const values = [this.#value()];
    while (this.#takeSymbol(',')) values.push(this.#value());
    if (!this.#takeSymbol(')')) throw this.#unexpected(this.#peek(), 'a comma or a closing bracket');
    return values;
  }

  #name(): Name {
    const token = this.#take();
    const isName = token.kind === 'name' || (token.kind === 'word' && !CLAUSES.has(token.text.toUpperCase()));
    if (isName) return { text: token.text, position: token.position };
    if (token.kind === 'string' || token.kind === 'number') {
      throw new QueryProblem('invalid expression: the name of an attribute must stand on the left', token.position, 'Names stand bare or in backticks, values in quotes.');
    }
    throw this.#unexpected(token, 'the name of an attribute');
  }

  #value(): Literal {
    const token = this.#take();
    const { position } = token;
    if (++this.#values > MOST_VALUES) throw new QueryProblem(`it has more than ${MOST_VALUES} values`, position);
    if (token.kind === 'string') return { kind: 'string', value: token.text, position };
    if (token.kind === 'number') return number(token.text, position);
    if (token.kind === 'symbol' && (token.text === '-' || token.text === '+')) {
      const digits = this.#take();
      if (digits.kind === 'number') return number(token.text + digits.text, position);
      throw this.#unexpected(digits, 'a number');
    }
    const word = token.kind === 'word' ? token.text.toUpperCase() : '';
    if (word === 'TRUE' || word === 'FALSE') return { kind: 'boolean', value: word === 'TRUE', position };
    if (word === 'NULL') throw new QueryProblem('invalid expression: nothing equals NULL', position, 'Use IS NULL or IS NOT NULL.');
    if (token.kind === 'word' || token.kind === 'name') {
      throw new QueryProblem(`operation is not supported: column name on the right side of comparison expression (did you forget to quote "${token.text}"?)`, position);
    }
    throw this.#unexpected(token, 'a value');
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: 'end', text: '', position: 1 };
  }

  #take(): Token {
    const token = this.#peek();
    this.#next += 1;
    return token;
  }

  #isWord(word: string): boolean {
    const token = this.#peek();
    return token.kind === 'word' && token.text.toUpperCase() === word;
  }

  #isSymbol(symbol: string): boolean {
    const token = this.#peek();
    return token.kind === 'symbol' && token.text === symbol;
  }

  #takeWord(word: string): boolean {
    if (!this.#isWord(word)) return false;
    this.#next += 1;
    return true;
  }

  #takeSymbol(symbol: string): boolean {
    if (!this.#isSymbol(symbol)) return false;
    this.#next += 1;
    return true;
  }

  #unexpected(token: Token, expected: string): QueryProblem {
    const near = token.kind === 'end' ? 'at the end of the query' : `near '${token.text.slice(0, 40)}'`;
    return new QueryProblem(`malformed SQL query: syntax error ${near}`, token.position, `${expected[0]?.toUpperCase()}${expected.slice(1)} is expected there.`);
  }
}

function join(kind: 'and' | 'or', parts: readonly Expression[]): Expression {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : { kind, parts };
}

function number(text: string, position: number): Literal {
  return { kind: 'number', value: Number(text), text, isWhole: /^[+-]?\d+$/.test(text), position };
}
