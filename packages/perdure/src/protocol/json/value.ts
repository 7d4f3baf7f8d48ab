/**
 * JSON values, and a parser that loses nothing that matters here.
 *
 * `JSON.parse` rounds whole numbers beyond 2^53, recurses as deep as the text says and knows no limit; a payload given as a plain value
 * must keep its digits, and a request must not be able to exhaust the stack. So numbers that a JavaScript number would change stay text
 * ({@link ExactNumber}), and nesting is bounded.
 */
import { setEntry } from '../codec.js';

/** A number as it was written, because JavaScript would round or rewrite it. */
export class ExactNumber {
  constructor(readonly text: string) {}
}

export type Json = null | boolean | number | string | ExactNumber | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json | undefined;
}

/** The text is not JSON, or not the JSON of the message that is expected. Its message says where. */
export class JsonFormatError extends Error {
  override readonly name: string = 'JsonFormatError';
}

const MAX_NESTING = 500;
/** An escape, or a character that must be one. */
// oxlint-disable-next-line no-control-regex
const NEEDS_READING = /[\\\u0000-\u001f]/;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** @throws JsonFormatError names the character at which it stopped */
export function parseJson(text: string): Json {
  return new Parser(text).document();
}

/** The shortest JSON text of a value. */
export function jsonText(value: Json): string {
  if (value instanceof ExactNumber) return value.text;
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  if (isObject(value)) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${jsonText(member as Json)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

export function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json) && !(json instanceof ExactNumber);
}

/** An odd number of backslashes stands before it. */
function isEscaped(text: string, at: number): boolean {
  let start = at;
  while (text[start - 1] === '\\') start -= 1;
  return (at - start) % 2 === 1;
}

class Parser {
  #at = 0;
  #depth = 0;

  constructor(readonly text: string) {}

  document(): Json {
    const value = this.#value();
    this.#space();
    if (this.#at < this.text.length) this.#fail('the end of the text');
    return value;
  }

  #value(): Json {
    this.#space();
    switch (this.text[this.#at]) {
      case '{':
        return this.#nested('{');
      case '[':
        return this.#nested('[');
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #nested(bracket: '{' | '['): Json {
    if (++this.#depth > MAX_NESTING) throw new JsonFormatError(`The JSON is nested deeper than ${MAX_NESTING} at character ${this.#at}.`);
    this.#at += 1;
    const value = bracket === '{' ? this.#object() : this.#array();
    this.#depth -= 1;
    return value;
  }

  #object(): JsonObject {
    const object: Record<string, Json> = {};
    if (this.#takes('}')) return object;
    do {
      this.#space();
      const name = this.#string();
      if (!this.#takes(':')) this.#fail('":"');
      if (Object.hasOwn(object, name)) throw new JsonFormatError(`The name ${JSON.stringify(name)} comes twice in one object at character ${this.#at}.`);
      setEntry(object, name, this.#value());
    } while (this.#takes(','));
    if (!this.#takes('}')) this.#fail('"," or "}"');
    return object;
  }

  #array(): Json[] {
    const array: Json[] = [];
    if (this.#takes(']')) return array;
    do array.push(this.#value());
    while (this.#takes(','));
    if (!this.#takes(']')) this.#fail('"," or "]"');
    return array;
  }

  /** A regular expression would need memory for every character of a long text. */
  #string(): string {
    const start = this.#at;
    if (this.text[start] !== '"') this.#fail('a text in quotes');
    let end = start;
    do {
      end = this.text.indexOf('"', end + 1);
      if (end < 0) throw new JsonFormatError(`The text in quotes that begins at character ${start} does not end.`);
    } while (isEscaped(this.text, end));
    this.#at = end + 1;
    const plain = this.text.slice(start + 1, end);
    if (!NEEDS_READING.test(plain)) return plain;
    try {
      return JSON.parse(this.text.slice(start, end + 1)) as string;
    } catch {
      throw new JsonFormatError(`The text in quotes at character ${start} holds a control character or an escape that does not exist.`);
    }
  }

  #number(): number | ExactNumber {
    NUMBER.lastIndex = this.#at;
    const text = NUMBER.exec(this.text)?.[0] ?? this.#fail('a value');
    this.#at += text.length;
    const number = Number(text);
    return String(number) === text ? number : new ExactNumber(text);
  }

  #word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.#at)) this.#fail('a value');
    this.#at += word.length;
    return value;
  }

  #takes(character: string): boolean {
    this.#space();
    if (this.text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at += 1;
    }
  }

  #fail(expected: string): never {
    const found = this.#at < this.text.length ? JSON.stringify(this.text[this.#at]) : 'the end of the text';
    throw new JsonFormatError(`The text is not JSON: ${expected} is expected at character ${this.#at}, not ${found}.`);
  }
}
