/** The bundle could not be made. The message is for the person who wrote the workflow. */

/** One import that workflow code must not have. */
export interface ForbiddenImport {
  readonly specifier: string;
  /** Where it is imported: path from the working directory, line (from 1), column (from 1). */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Files from the workflows file to the one with the import, the latter included. */
  readonly chain: readonly string[];
  /** What to do instead. */
  readonly remedy: string;
}

/** Thrown by `bundleWorkflowCode`. */
export class WorkflowBundleError extends Error {
  override readonly name = 'WorkflowBundleError';

  constructor(
    message: string,
    /** Empty if the reason is another one, such as a syntax error. */
    readonly forbiddenImports: readonly ForbiddenImport[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  static forImports(imports: readonly ForbiddenImport[]): WorkflowBundleError {
    const count = imports.length === 1 ? 'an import' : `${imports.length} imports`;
    const shown = imports.map(({ specifier, file, line, column, chain, remedy }) => {
      const via = chain.length > 1 ? `\n      imported by way of ${chain.join(' -> ')}` : '';
      return `  '${specifier}' at ${file}:${line}:${column}${via}\n      ${remedy}`;
    });
    return new WorkflowBundleError(
      `Workflow code has ${count} that it must not have, because what it does could not be repeated in a replay:\n${shown.join('\n')}\n` +
        'Imports of types only (`import type`) are fine. If code that needs such a module is never called in a workflow, name it in ignoreModules.',
      imports,
    );
  }
}
