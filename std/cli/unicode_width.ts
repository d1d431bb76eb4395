/**
 * `unicodeWidth`, as `@std/cli/unicode-width` has it.
 *
 * @module
 */

// Characters that take two columns: Unicode's East Asian Width "wide" and "fullwidth" (Unicode 17).
// Ranges go over unassigned characters, and leave out what is an emoji anyway.
const WIDE =
  "\\u1100-\\u115f\\u2329-\\u232a\\u2630-\\u2637\\u268a-\\u268f\\u2e80-\\u303e\\u3041-\\u3247" +
  "\\u3250-\\ua4c6\\ua960-\\ua97c\\uac00-\\ud7a3\\uf900-\\ufaff\\ufe10-\\ufe19\\ufe30-\\ufe6b" +
  "\\uff01-\\uff60\\uffe0-\\uffe6\\u{16fe0}-\\u{1b2fb}\\u{1d300}-\\u{1d376}\\u{1f1ae}" +
  "\\u{1f200}-\\u{1f265}\\u{1f6d8}-\\u{1f6d9}\\u{1f7da}\\u{1fa8a}-\\u{1fafa}" +
  "\\u{20000}-\\u{2fffd}\\u{30000}-\\u{3fffd}";

// Made when first needed: most output is ASCII.
let wide: RegExp | undefined;
let none: RegExp | undefined;

/** The columns of one character. */
function width(char: string): number {
  const code = char.codePointAt(0)!;
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return 0;
  if (code < 0x300) return 1;
  // The first letter of a Hangul syllable that has none, as a placeholder.
  if (code === 0x115f) return 2;
  none ??= /[\p{Grapheme_Extend}\p{Default_Ignorable_Code_Point}\u1160-\u11ff\ud7b0-\ud7fb]/u;
  if (none.test(char)) return 0;
  // The letters that make flags are emoji, and one column each.
  if (code >= 0x1f1e6 && code <= 0x1f1ff) return 1;
  wide ??= new RegExp(`[${WIDE}\\p{Emoji_Presentation}]`, "u");
  return wide.test(char) ? 2 : 1;
}

/**
 * The number of columns that a string takes in a terminal, character by character. Control
 * characters count nothing; escape sequences should be taken out before.
 *
 * @param str The string.
 * @returns Its width.
 *
 * @example
 * ```ts
 * import { unicodeWidth } from "@std/cli/unicode-width";
 *
 * unicodeWidth("hello"); // 5
 * unicodeWidth("天地"); // 4
 * ```
 */
export function unicodeWidth(str: string): number {
  let sum = 0;
  for (const char of str) sum += width(char);
  return sum;
}
