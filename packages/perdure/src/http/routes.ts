/**
 * Which RPC an HTTP path means: the templates of the API's annotations, for the methods that the router serves.
 *
 * A template consists of literals and of fields that take a whole segment: `/namespaces/{namespace}/workflows/{execution.workflow_id}`.
 * Where both fit, the literal wins. Segments are percent-decoded one by one, so that an id may hold a slash (as `%2F`).
 */
import { HTTP_ROUTES } from '../protocol/generated/http-routes.js';
import { Schema, type MethodShape } from '../protocol/json/index.js';
import type { Route, Router } from '../transport/transport.js';

export interface Binding {
  readonly verb: string;
  readonly template: string;
  /** The fields of the path in order, for example `execution.workflow_id`. */
  readonly fields: readonly string[];
  readonly shape: MethodShape;
  readonly route: Route;
}

export type Match =
  | { readonly kind: 'found'; readonly binding: Binding; readonly values: readonly string[] }
  /** The path exists with other verbs. */
  | { readonly kind: 'verb'; readonly verbs: readonly string[] }
  | { readonly kind: 'missing' }
  /** A percent sign that does not begin an encoded character. */
  | { readonly kind: 'malformed' };

class Node {
  readonly literals = new Map<string, Node>();
  field: Node | undefined;
  readonly bindings = new Map<string, Binding>();
}

export class HttpRoutes {
  readonly bindings: readonly Binding[];
  readonly #root = new Node();

  constructor(router: Router) {
    this.bindings = readBindings(router);
    for (const binding of this.bindings) this.#add(binding);
  }

  /** @param path without the query, percent-encoded */
  match(verb: string, path: string): Match {
    if (!path.startsWith('/')) return { kind: 'missing' };
    let segments: string[];
    try {
      segments = path.slice(1).split('/').map(decodeURIComponent);
    } catch {
      return { kind: 'malformed' };
    }
    const values: string[] = [];
    const verbs = new Set<string>();
    const binding = find(this.#root, segments, 0, verb, values, verbs);
    if (binding !== undefined) return { kind: 'found', binding, values };
    return verbs.size > 0 ? { kind: 'verb', verbs: [...verbs].sort() } : { kind: 'missing' };
  }

  #add(binding: Binding): void {
    let node = this.#root;
    for (const segment of binding.template.slice(1).split('/')) {
      if (segment.startsWith('{')) node = node.field ??= new Node();
      else {
        const next = node.literals.get(segment) ?? new Node();
        node.literals.set(segment, next);
        node = next;
      }
    }
    node.bindings.set(binding.verb, binding);
  }
}

function find(node: Node, segments: readonly string[], at: number, verb: string, values: string[], verbs: Set<string>): Binding | undefined {
  const segment = segments[at];
  if (segment === undefined) {
    for (const known of node.bindings.keys()) verbs.add(known);
    return node.bindings.get(verb);
  }
  const literal = node.literals.get(segment);
  const found = literal && find(literal, segments, at + 1, verb, values, verbs);
  if (found !== undefined || node.field === undefined || segment === '') return found;
  values.push(segment);
  const bound = find(node.field, segments, at + 1, verb, values, verbs);
  if (bound === undefined) values.pop();
  return bound;
}

function readBindings(router: Router): Binding[] {
  const schema = Schema.load();
  return HTTP_ROUTES.trim().split('\n').flatMap((line) => {
    const [verb = '', template = '', method = ''] = line.split(' ');
    const route = router.find(`/${method}`);
    const shape = schema.method(`/${method}`);
    if (route === undefined || shape === undefined) return [];
    return [{ verb, template, fields: [...template.matchAll(/\{([^}]+)\}/g)].map((match) => match[1] as string), shape, route }];
  });
}
