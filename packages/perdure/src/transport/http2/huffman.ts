/**
 * The Huffman code of HPACK (RFC 7541, appendix B), decoded. Encoding is not needed: a sender may always send plain text.
 *
 * The code is canonical: within a length, codes count up in the order of the symbols, so the lengths alone say everything.
 */

/** The length of each symbol's code in bits, one digit to the base of 36 each; the last one is the end of the string. */
const LENGTHS =
  'dnsssssssoussussssssssusssssssss' +
  '6aacd68baa8b8666555666666678f6ca' +
  'd67777777777777777777777878djde6' +
  'f56565666577666567655677777fbeds' +
  'kmkkmmmnmnnnnnonoomnonnnnlmnmnno' +
  'mlkmmnnlnmmolmnnllmlnmnnkmmmnmmn' +
  'qqkjmnmpqqqrrqopjlqrrqrollqqsrrr' +
  'koklmllnmmppooqnqrqqrrrrrsrrrrrq' +
  'u';
const END = 256;
const LONGEST = 30;

/** Symbols in the order of their codes. */
const SYMBOLS = new Uint16Array(END + 1);
/** By length: the first code of that length, how many there are, and where the first one's symbol lies. */
const FIRST_CODE = new Uint32Array(LONGEST + 2);
const COUNT = new Uint16Array(LONGEST + 2);
const FIRST_SYMBOL = new Uint16Array(LONGEST + 2);

const lengths = Array.from(LENGTHS, (digit) => Number.parseInt(digit, 36));
for (let length = 1, code = 0, place = 0; length <= LONGEST; length++, code *= 2) {
  FIRST_CODE[length] = code;
  FIRST_SYMBOL[length] = place;
  for (const [symbol, its] of lengths.entries()) {
    if (its !== length) continue;
    SYMBOLS[place++] = symbol;
    code += 1;
  }
  COUNT[length] = place - (FIRST_SYMBOL[length] as number);
}

/** @returns the text, one character a byte; `undefined` if the bytes are not what a sender may send */
export function decodeHuffman(bytes: Uint8Array): string | undefined {
  let text = '';
  let code = 0;
  let length = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = code * 2 + ((byte >> bit) & 1);
      if (++length > LONGEST) return undefined;
      const offset = code - (FIRST_CODE[length] as number);
      if (offset >= (COUNT[length] as number)) continue;
      const symbol = SYMBOLS[(FIRST_SYMBOL[length] as number) + offset] as number;
      if (symbol === END) return undefined;
      text += String.fromCharCode(symbol);
      code = 0;
      length = 0;
    }
  }
  // What is left must be the beginning of the end: up to seven ones.
  return length < 8 && code === 2 ** length - 1 ? text : undefined;
}
