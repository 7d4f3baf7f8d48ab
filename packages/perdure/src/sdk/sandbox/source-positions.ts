/** From a position in the bundle to the place in the user's source. Parses the map on first use: most runs never need it. */
import { SourceMap, type SourceMapPayload } from 'node:module';

export class SourcePositions {
  readonly #json: string;
  #map: SourceMap | undefined;

  constructor(json: string) {
    this.#json = json;
  }

  /** `file:line:column`, all from 1; undefined if the position is not the user's. */
  at(line: number, column: number): string | undefined {
    this.#map ??= new SourceMap(JSON.parse(this.#json) as SourceMapPayload);
    const entry = this.#map.findEntry(line - 1, column - 1);
    if (!('originalSource' in entry)) return undefined;
    return `${entry.originalSource}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  }
}
