/** `node:assert/strict` for workflow code. */
import { notStrictEqual, strict, strictEqual } from './assert.js';

export { AssertionError, deepEqual, deepStrictEqual, doesNotMatch, fail, match, notDeepEqual, notDeepStrictEqual, notStrictEqual, ok, rejects, strict, strictEqual, throws } from './assert.js';
export const equal = strictEqual;
export const notEqual = notStrictEqual;
export default strict;
