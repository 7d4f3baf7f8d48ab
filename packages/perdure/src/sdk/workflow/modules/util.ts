/** `node:util` for workflow code: the classes that are global. */
const { TextEncoder: Encoder, TextDecoder: Decoder } = globalThis;

export { Encoder as TextEncoder, Decoder as TextDecoder };
export default { TextEncoder: Encoder, TextDecoder: Decoder };
