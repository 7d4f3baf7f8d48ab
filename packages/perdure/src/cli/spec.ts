/**
 * How commands and flags are described. One description gives the parser, the help and the checks.
 *
 * Names, shorts and meanings follow Temporal's command line tool wherever it has the same thing: scripts carry over.
 */

type FlagType = 'bool' | 'int' | 'string' | 'strings';

export interface Flag {
  /** Without the dashes. */
  readonly name: string;
  readonly short?: string;
  readonly type: FlagType;
  /** What stands for the value in the help, for example `PORT`. */
  readonly value?: string;
  readonly help: string;
  /** Shown in the help; the command itself applies it. */
  readonly default?: string;
  /** The only values that are accepted. */
  readonly choices?: readonly string[];
  /** What is wrong with this value, and what is accepted; `undefined`: it is fine. */
  readonly check?: (value: string) => string | undefined;
  /** It is accepted, so that scripts run, and has no effect yet. */
  readonly withoutEffect?: boolean;
}

export interface Command {
  /** The words that call it, for example `['server', 'start-dev']`. */
  readonly path: readonly string[];
  /** One line. */
  readonly summary: string;
  /** More, below the summary. */
  readonly description?: string;
  readonly flags: readonly Flag[];
  run(flags: FlagValues): Promise<ExitCode>;
}

export type FlagValue = boolean | number | string | readonly string[];

/** The flags that were given, by their names. */
export class FlagValues {
  readonly #values: ReadonlyMap<string, FlagValue>;

  constructor(values: ReadonlyMap<string, FlagValue>) {
    this.#values = values;
  }

  names(): string[] {
    return [...this.#values.keys()];
  }

  bool(name: string): boolean {
    return this.#values.get(name) === true;
  }

  int(name: string): number | undefined {
    const value = this.#values.get(name);
    return typeof value === 'number' ? value : undefined;
  }

  string(name: string): string | undefined {
    const value = this.#values.get(name);
    return typeof value === 'string' ? value : undefined;
  }

  strings(name: string): readonly string[] {
    const value = this.#values.get(name);
    return Array.isArray(value) ? value : [];
  }
}

export const ExitCode = { OK: 0, FAILURE: 1, USAGE: 2 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
