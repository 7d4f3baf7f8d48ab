/**
 * How words are found in a text: what is no letter or digit separates them; case and accents do not matter.
 *
 * A text is kept as its words, each with a space before and behind, so that a phrase is found as a part of it: at the borders of words only.
 */

/** `The fox, "naïve"` → ` the fox naive `; a space alone if there are no words. */
export function words(text: string): string {
  const found = text.normalize('NFKD').replace(/\p{M}+/gu, '').toLowerCase().match(/[\p{L}\p{N}]+/gu);
  return found === null ? ' ' : ` ${found.join(' ')} `;
}

/** The phrases that a search asks for, any of which is enough: the parts between spaces. `quick silver-fox` asks for `quick`, or `silver fox`. */
export function phrases(search: string): string[] {
  return search.split(/\s+/u).filter((part) => part !== '').map(words).filter((phrase) => phrase !== ' ');
}

/** Of the letters A to Z alone: what every store does alike, and what ids and names are made of. */
export function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
