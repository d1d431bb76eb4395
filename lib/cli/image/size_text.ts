/**
 * Sizes as people read them.
 *
 * @module
 */

/** `1.5G`, with at most three digits. */
export function sizeText(bytes: number): string {
  let value = bytes;
  for (const unit of ["B", "K", "M", "G"]) {
    if (value < 1000) {
      return `${value < 10 && unit !== "B" ? value.toFixed(1) : Math.round(value)}${unit}`;
    }
    value /= 1024;
  }
  return `${value.toFixed(1)}T`;
}
