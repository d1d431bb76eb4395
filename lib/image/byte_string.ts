/**
 * Names as the kernel and archives have them: bytes, not text. Here they are strings with one
 * character for each byte, which are exact for every name, cheap to cut and to compare, and are the
 * text itself as long as that is ASCII.
 *
 * @module
 */

/** The bytes from `start` up to `end`, or up to the first NUL before it. */
export function byteString(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const nul = bytes.indexOf(0, start);
  return exactByteString(bytes.subarray(start, nul < 0 || nul > end ? end : nul));
}

/** As many arguments as a call may surely have. */
const MOST_ARGUMENTS = 4096;

/** All bytes, NULs included. */
export function exactByteString(bytes: Uint8Array): string {
  if (bytes.length <= MOST_ARGUMENTS) {
    return String.fromCharCode.apply(null, bytes as unknown as number[]);
  }
  let text = "";
  for (let at = 0; at < bytes.length; at += MOST_ARGUMENTS) {
    text += exactByteString(bytes.subarray(at, at + MOST_ARGUMENTS));
  }
  return text;
}

/** The bytes of a byte string. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** A byte string of a text. */
export function fromText(text: string): string {
  return exactByteString(new TextEncoder().encode(text));
}

/** A byte string as text; what is no UTF-8 becomes U+FFFD. */
export function toText(bytes: string): string {
  return /^[ -~]*$/.test(bytes) ? bytes : new TextDecoder().decode(toBytes(bytes));
}

/**
 * A byte string for an error or a terminal: control characters are written out, so that a name in an
 * archive cannot send escape codes.
 */
export function shown(bytes: string): string {
  // Nearly every name is like this.
  if (/^[ -~]{0,512}$/.test(bytes)) return bytes;
  const text = toText(bytes);
  const short = text.length > 512 ? `${text.slice(0, 256)} ... ${text.slice(-256)}` : text;
  return Array.from(short, (character) => {
    const code = character.charCodeAt(0);
    const control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    return control ? `\\x${code.toString(16).padStart(2, "0")}` : character;
  }).join("");
}
