/**
 * What a module offers to those who import it: the names that it exports and, of classes, interfaces, options and enums, their public
 * members. Read from the declarations by the TypeScript compiler, so re-exports, inheritance, intersections and mapped types count as a
 * user's editor shows them.
 *
 * The compiler runs as a child process; `close` ends it.
 */
import fs from 'node:fs';
import path from 'node:path';
import { API, ModifierFlags, SignatureKind, SymbolFlags, type Checker, type Project, type Symbol as CompilerSymbol, type Type } from 'typescript/unstable/sync';

export interface ExportedName {
  readonly kind: 'class' | 'enum' | 'function' | 'type' | 'value';
  /** Its own documentation says that one should not use it: `@deprecated`, `@internal`, `@hidden`, `@ignore`. */
  readonly tags: ReadonlySet<string>;
  /** Public members by name; those of the class itself are written `static x`. */
  readonly members: ReadonlyMap<string, Member>;
  /** The most arguments that the function takes; undefined if any number. */
  readonly parameters: number | undefined;
}

export interface Member {
  readonly tags: ReadonlySet<string>;
  /** From a class or interface of the language or of Node: nothing that the package itself offers. */
  readonly isInherited: boolean;
  readonly parameters: number | undefined;
}

export type Surface = ReadonlyMap<string, ExportedName>;

/**
 * @param folder is made anew; modules are looked up from there as a program in it would.
 * @param modules what a program would write after `from`.
 */
export function surfacesOf(folder: string, modules: readonly string[]): ReadonlyMap<string, Surface> {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  const files = new Map(modules.map((module, index) => [module, path.join(folder, `module-${index}.ts`)]));
  for (const [module, file] of files) fs.writeFileSync(file, `export * from '${module}';\n`);
  const config = path.join(folder, 'tsconfig.json');
  fs.writeFileSync(config, JSON.stringify({ compilerOptions: { module: 'nodenext', target: 'es2022', strict: true, skipLibCheck: true, noEmit: true, types: [] }, include: ['*.ts'] }));
  const api = new API({ cwd: folder });
  try {
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config);
    if (project === undefined) throw new Error(`the compiler does not open ${config}`);
    return new Map([...files].map(([module, file]) => [module, surfaceOf(project, file)]));
  } finally {
    api.close();
  }
}

function surfaceOf(project: Project, file: string): Surface {
  const errors = project.program.getSemanticDiagnostics(file);
  if (errors.length > 0) throw new Error(`${file}: ${errors.map((error) => error.text).join('\n')}`);
  const source = project.program.getSourceFile(file);
  const module = source && project.checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${file} is not a module`);
  return new Map(project.checker.getExportsOfModule(module).map((symbol) => [symbol.name, exportedName(project, symbol)]));
}

function exportedName(project: Project, exported: CompilerSymbol): ExportedName {
  const { checker } = project;
  const symbol = exported.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
  const members = new Map<string, Member>();
  const add = (type: Type | undefined, prefix = ''): void => {
    for (const property of type === undefined ? [] : checker.getPropertiesOfType(type)) {
      if (isPublic(project, property)) members.set(prefix + property.name, memberOf(project, property));
    }
  };
  if (symbol.flags & (SymbolFlags.Class | SymbolFlags.Interface)) add(checker.getDeclaredTypeOfSymbol(symbol));
  else if (symbol.flags & SymbolFlags.TypeAlias) add(objectOf(checker, checker.getDeclaredTypeOfSymbol(symbol)));
  if (symbol.flags & SymbolFlags.Class) add(checker.getTypeOfSymbol(symbol), 'static ');
  else if (symbol.flags & SymbolFlags.Variable) add(objectOf(checker, checker.getTypeOfSymbol(symbol)));
  if (symbol.flags & SymbolFlags.Enum) for (const member of symbol.getExports().values()) members.set(member.name, memberOf(project, member));
  return { kind: kindOf(symbol), members, tags: new Set([...tagsOf(checker, exported), ...tagsOf(checker, symbol)]), parameters: parametersOf(checker, symbol) };
}

function memberOf(project: Project, symbol: CompilerSymbol): Member {
  const file = symbol.valueDeclaration?.resolve(project)?.getSourceFile().fileName ?? '';
  return {
    tags: tagsOf(project.checker, symbol),
    isInherited: file.includes('/lib.') || file.includes('/@types/'),
    parameters: symbol.flags & SymbolFlags.Method ? parametersOf(project.checker, symbol) : undefined,
  };
}

/** Of an object; undefined for strings, lists, functions and the like, whose members are not theirs. */
function objectOf(checker: Checker, type: Type | undefined): Type | undefined {
  if (type === undefined || !(type.isObjectType() || type.isIntersectionType())) return undefined;
  return checker.isArrayLikeType(type) || checker.getSignaturesOfType(type, SignatureKind.Call).length > 0 ? undefined : type;
}

/** The most arguments that one can give; undefined if that is no function, or takes any number. */
function parametersOf(checker: Checker, symbol: CompilerSymbol): number | undefined {
  const type = symbol.flags & (SymbolFlags.Function | SymbolFlags.Method) ? checker.getTypeOfSymbol(symbol) : undefined;
  const signatures = type === undefined ? [] : checker.getSignaturesOfType(type, SignatureKind.Call);
  if (signatures.length === 0 || signatures.some((signature) => signature.hasRestParameter)) return undefined;
  return Math.max(...signatures.map((signature) => signature.getParameters().length));
}

const NOT_FOR_USERS = /^(__|_|#|prototype$)/;

function isPublic(project: Project, symbol: CompilerSymbol): boolean {
  if (NOT_FOR_USERS.test(symbol.name)) return false;
  const declaration = symbol.valueDeclaration?.resolve(project);
  const modifiers = declaration !== undefined && 'modifierFlags' in declaration ? Number(declaration.modifierFlags) : 0;
  return (modifiers & (ModifierFlags.Private | ModifierFlags.Protected)) === 0;
}

function kindOf(symbol: CompilerSymbol): ExportedName['kind'] {
  if (symbol.flags & SymbolFlags.Class) return 'class';
  if (symbol.flags & SymbolFlags.Enum) return 'enum';
  if (symbol.flags & SymbolFlags.Function) return 'function';
  if (symbol.flags & SymbolFlags.Value) return 'value';
  return 'type';
}

function tagsOf(checker: Checker, symbol: CompilerSymbol): ReadonlySet<string> {
  return new Set(symbol.getJsDocTags(checker).map((tag) => tag.name));
}
