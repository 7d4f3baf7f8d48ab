/** `TextEncoder` and `TextDecoder` for UTF-8. Short ASCII text, which is most of it, does not leave the realm. */
import type { RealmHost } from '../realm-host.js';

const SHORT = 48;

export function textCoders(host: RealmHost): { readonly TextEncoder: unknown; readonly TextDecoder: unknown } {
  class TextEncoder {
    readonly encoding = 'utf-8';

    encode(text = ''): Uint8Array {
      return (text.length <= SHORT ? encodeAscii(text) : undefined) ?? encodeAny(String(text));
    }

    encodeInto(text: string, target: Uint8Array): { read: number; written: number } {
      let read = 0;
      let written = 0;
      for (const character of text) {
        const bytes = this.encode(character);
        if (written + bytes.length > target.length) break;
        target.set(bytes, written);
        written += bytes.length;
        read += character.length;
      }
      return { read, written };
    }
  }

  class TextDecoder {
    readonly encoding = 'utf-8';
    readonly fatal = false;
    readonly ignoreBOM = false;

    constructor(label = 'utf-8', options?: { readonly fatal?: boolean }) {
      if (!/^utf-?8$/i.test(label)) throw new RangeError(`Workflow code can decode UTF-8 only, not '${label}'. Do it in an activity.`);
      if (options?.fatal === true) throw new RangeError("TextDecoder's option 'fatal' does not exist in workflow code. Check the text in an activity.");
    }

    decode(input?: ArrayBuffer | ArrayBufferView): string {
      if (input === undefined) return '';
      const bytes = ArrayBuffer.isView(input) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : new Uint8Array(input);
      return (bytes.length <= SHORT ? decodeAscii(bytes) : undefined) ?? host.utf8Read(bytes);
    }
  }

  function encodeAny(text: string): Uint8Array {
    const bytes = new Uint8Array(host.utf8Length(text));
    host.utf8Write(text, bytes);
    return bytes;
  }

  return { TextEncoder, TextDecoder };
}

function encodeAscii(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return undefined;
    bytes[index] = code;
  }
  return bytes;
}

function decodeAscii(bytes: Uint8Array): string | undefined {
  let text = '';
  for (let index = 0; index < bytes.length; index++) {
    const code = bytes[index]!;
    if (code > 0x7f) return undefined;
    text += String.fromCharCode(code);
  }
  return text;
}
