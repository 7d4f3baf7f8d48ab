/** The words of a query: names, values, operators, each with its position. The first stage of the parser; knows no grammar. */
import { QueryProblem } from './query-problem.js';

export type Token =
  /** A bare word: a keyword of the language, or the name of an attribute. */
  | { readonly kind: 'word'; readonly text: string; readonly position: number }
  /** A name in backticks: never a keyword. */
  | { readonly kind: 'name'; readonly text: string; readonly position: number }
  | { readonly kind: 'string'; readonly text: string; readonly position: number }
  | { readonly kind: 'number'; readonly text: string; readonly position: number }
  | { readonly kind: 'symbol'; readonly text: string; readonly position: number }
  | { readonly kind: 'end'; readonly text: ''; readonly position: number };

const SPACE = /(?:\s+|\/\*[\s\S]*?\*\/|--[ \t][^\n]*)+/y;
const WORD = /[\p{L}_@$][\p{L}\p{N}_@$]*(?:\.[\p{L}_@$][\p{L}\p{N}_@$]*)*/uy;
const NUMBER = /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const SYMBOL = /<=>|!=|<>|<=|>=|&&|\|\||[=<>(),+\-*/;!]/y;
/** What a backslash makes of the character behind it; others stand for themselves. */
const ESCAPES: Readonly<Record<string, string>> = { '0': '\0', b: '\b', n: '\n', r: '\r', t: '\t', Z: '\x1a' };

/** @throws QueryProblem */
export function tokenize(query: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at += take(SPACE, query, at).length;
    const position = at + 1;
    const first = query[at];
    if (first === undefined) return [...tokens, { kind: 'end', text: '', position }];
    if (first === "'" || first === '"' || first === '`') {
      const { text, end } = quoted(query, at, first);
      tokens.push({ kind: first === '`' ? 'name' : 'string', text, position });
      at = end;
      continue;
    }
    const [kind, text] = bare(query, at);
    if (text === '') throw new QueryProblem(`malformed SQL query: syntax error near '${query.slice(at, at + 20)}'`, position);
    tokens.push({ kind, text, position });
    at += text.length;
  }
}

function bare(query: string, at: number): ['word' | 'number' | 'symbol', string] {
  const word = take(WORD, query, at);
  if (word !== '') return ['word', word];
  const number = take(NUMBER, query, at);
  if (number !== '') return ['number', number];
  return ['symbol', take(SYMBOL, query, at)];
}

function take(pattern: RegExp, query: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(query)?.[0] ?? '';
}

/** A quote is written twice inside; in strings a backslash escapes. */
function quoted(query: string, start: number, quote: string): { readonly text: string; readonly end: number } {
  let text = '';
  for (let at = start + 1; at < query.length; at++) {
    const character = query[at] as string;
    if (character === '\\' && quote !== '`') {
      const escaped = query[++at] ?? '';
      text += ESCAPES[escaped] ?? escaped;
    } else if (character !== quote) text += character;
    else if (query[at + 1] === quote) {
      text += quote;
      at += 1;
    } else return { text, end: at + 1 };
  }
  throw new QueryProblem(`malformed SQL query: syntax error near ${query.slice(start, start + 20)}`, start + 1, `The closing ${quote} is missing.`);
}
