/** What a namespace can be told. Every input is answered with the namespace as it is afterwards, or refused. */
import type { NamespaceState } from '../../protocol/index.js';

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
  readonly state: NamespaceState;
}

export type NamespaceInput =
  /** RegisterNamespace, sent to the name. Refused with ALREADY_EXISTS where the namespace exists. */
  | { readonly type: 'register'; readonly settings: NamespaceSettings }
  /** Internal: creates the namespace. Comes only as the successor of `register`. */
  | { readonly type: 'create'; readonly settings: NamespaceSettings }
  /** Replaces what is given; `data` is merged key by key. */
  | { readonly type: 'update'; readonly settings: NamespaceChanges; readonly state?: NamespaceState | undefined };
