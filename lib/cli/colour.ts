/**
 * Colours, where they are wanted: on a terminal, and never with NO_COLOR (https://no-color.org).
 *
 * @module
 */

/** Paints text, or leaves it as it is. */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly green: (text: string) => string;
  readonly red: (text: string) => string;
  readonly yellow: (text: string) => string;
}

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;

/** Whether a stream is to be coloured. */
export function wantsColour(stream: { isTerminal(): boolean }): boolean {
  return stream.isTerminal() && !Deno.env.get("NO_COLOR") && Deno.env.get("TERM") !== "dumb";
}

/** The colours for a stream. */
export function paintFor(stream: { isTerminal(): boolean }): Paint {
  const wanted = wantsColour(stream);
  const paint = (code: number) => (text: string) => wanted ? `\x1b[${code}m${text}\x1b[0m` : text;
  return {
    bold: paint(CODES.bold),
    dim: paint(CODES.dim),
    green: paint(CODES.green),
    red: paint(CODES.red),
    yellow: paint(CODES.yellow),
  };
}
