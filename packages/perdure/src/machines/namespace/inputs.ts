/** What a namespace can be told. Every input is answered with the namespace as it is afterwards, or refused. */
import type { IndexedValueType, NamespaceState } from '../../protocol/index.js';
import type { SearchAttributeTypes } from '../search-attributes/names.js';

/** `kind` of the machine and of its key. A namespace's key is its name, in the namespace `''`; its machine id is the namespace's id. */
export const NAMESPACE_KIND = 'namespace';

/** What users may set. */
export interface NamespaceSettings {
  readonly description: string;
  readonly ownerEmail: string;
  readonly data: ReadonlyMap<string, string>;
  /** How long closed workflow executions are kept, in milliseconds. */
  readonly retentionMs: number;
}

/** What to replace; what is left out stays. */
export type NamespaceChanges = { readonly [Name in keyof NamespaceSettings]?: NamespaceSettings[Name] | undefined };

export interface Namespace extends NamespaceSettings {
  readonly id: string;
  readonly name: string;
  /** `DELETED`: everything in it is being removed, and then the namespace itself. Its old name is free. */
  readonly state: NamespaceState;
  /** The key of its machine: its name, and after its deletion the name that it had. */
  readonly registeredAs: string;
  /** Of a deleted namespace: it is not forgotten before, in milliseconds since the epoch. */
  readonly keptUntilMs: number;
  /** The custom search attributes. */
  readonly searchAttributes: SearchAttributeTypes;
}

export type NamespaceInput =
  /** RegisterNamespace, sent to the name. Refused with ALREADY_EXISTS where the namespace exists. */
  | { readonly type: 'register'; readonly settings: NamespaceSettings }
  /** Internal: creates the namespace. Comes only as the successor of `register`. */
  | { readonly type: 'create'; readonly settings: NamespaceSettings }
  /** AddSearchAttributes. What exists with the same type is left as it is. */
  | { readonly type: 'add-search-attributes'; readonly add: ReadonlyMap<string, IndexedValueType>; readonly most: number }
  /** RemoveSearchAttributes. Values that runs have stay with them. */
  | { readonly type: 'remove-search-attributes'; readonly names: readonly string[] }
  /** Replaces what is given; `data` is merged key by key. */
  | { readonly type: 'update'; readonly settings: NamespaceChanges; readonly state?: NamespaceState | undefined }
  /** DeleteNamespace: it gets another name, and takes nothing more. Again, it changes until when it is kept. */
  | { readonly type: 'delete'; readonly name: string; readonly delayMs: number }
  /** Everything in the deleted namespace is gone. */
  | { readonly type: 'forget' };
