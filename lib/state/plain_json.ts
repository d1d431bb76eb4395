/**
 * JSON that holds bytes and large integers too: a description may have both. They are objects with
 * one key that begins with a dollar sign, which no field of a description does.
 *
 * @module
 */

/** As JSON text. */
export function encodeJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (part instanceof Uint8Array) return { $bytes: part.toBase64() };
    if (typeof part === "bigint") return { $integer: `${part}` };
    return part;
  });
}

/** From JSON text; throws a `SyntaxError` for what is none. */
export function decodeJson(text: string): unknown {
  // Most hold neither, and are then read without a function called for each part of them.
  if (!text.includes('{"$')) return JSON.parse(text);
  return JSON.parse(text, (_, part: unknown) => {
    if (typeof part !== "object" || part === null) return part;
    const { $bytes, $integer } = part as { $bytes?: unknown; $integer?: unknown };
    if (typeof $bytes === "string") return Uint8Array.fromBase64($bytes);
    if (typeof $integer === "string") return BigInt($integer);
    return part;
  });
}
