/** `node:url` for workflow code: the classes that are global. */
const { URL: Url, URLSearchParams: SearchParams } = globalThis;

export { Url as URL, SearchParams as URLSearchParams };
export default { URL: Url, URLSearchParams: SearchParams };
