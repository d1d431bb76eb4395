/**
 * A scene as SVG: two columns, the host's and the sandbox's, and a row for each subject with what
 * goes between. It stands by itself: no scripts, no fonts but what is there.
 *
 * @module
 */

import type { Connection, Scene, SceneRow } from "./scene.ts";

// In pixels. Letters of a monospaced font are three fifths of their size wide.
const FONT = 13, LETTER = FONT * 0.6, LINE = 19;
const PAD = 14, GAP = 18, TITLE = 22, BETWEEN = 210, MARGIN = 24, HEAD = 34;

const COLOURS = { free: "#b3261e", guarded: "#1f6f43", none: "#5f6368" } as const;

function escaped(text: string): string {
  // What XML has no way to write is left out. https://www.w3.org/TR/xml/#charsets
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "").replace(
    /[&<>"]/g,
    (character) => `&#${character.charCodeAt(0)};`,
  );
}

function text(x: number, y: number, words: string, more = ""): string {
  return `<text x="${x}" y="${y}"${more}>${escaped(words)}</text>`;
}

function rect(x: number, y: number, width: number, height: number, style: string): string {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="6" ${style}/>`;
}

function widthOf(rows: readonly SceneRow[], side: "host" | "inside"): number {
  const longest = Math.max(
    ...rows.flatMap((row) => [row.title, ...row[side]].map((it) => it.length)),
  );
  return Math.ceil(longest * LETTER) + 2 * PAD;
}

function heightOf({ host, inside }: SceneRow): number {
  return TITLE + Math.max(host.length, inside.length) * LINE + PAD;
}

function block(
  x: number,
  y: number,
  width: number,
  height: number,
  title: string,
  lines: readonly string[],
): string[] {
  return [
    rect(x, y, width, height, 'fill="#ffffff" stroke="#9aa0a6"'),
    text(x + PAD, y + TITLE - 4, title, ' font-weight="bold" fill="#3c4043"'),
    ...lines.map((line, index) => text(x + PAD, y + TITLE + LINE * (index + 1) - 4, line)),
  ];
}

function connector(
  from: number,
  to: number,
  y: number,
  { kind, label, outward }: Connection,
): string[] {
  const colour = COLOURS[kind];
  const line = `stroke="${colour}" stroke-width="${kind === "free" ? 3 : 1.5}"`;
  const middle = (from + to) / 2;
  const ends = kind === "none"
    ? [`<path d="M${middle - 6} ${y - 6}l12 12m0-12l-12 12" ${line} fill="none"/>`]
    : outward
    ? [`<path d="M${from + 9} ${y - 5}l-9 5l9 5z" fill="${colour}"/>`]
    : [`<path d="M${to - 9} ${y - 5}l9 5l-9 5z" fill="${colour}"/>`];
  return [
    `<path d="M${from} ${y}H${to}" ${line} fill="none"${
      kind === "none" ? ' stroke-dasharray="5 4"' : ""
    }/>`,
    ...ends,
    text(middle, y - 10, label, ` text-anchor="middle" font-size="12" fill="${colour}"`),
  ];
}

/** The file. */
export function svg({ name, rows }: Scene): string {
  const left = widthOf(rows, "host"), right = widthOf(rows, "inside");
  const hostX = MARGIN, boxX = hostX + left + 2 * PAD + BETWEEN;
  const body = rows.reduce((sum, row) => sum + heightOf(row) + GAP, 0);
  const height = MARGIN * 2 + HEAD + body, width = boxX + right + 2 * PAD + MARGIN;
  const frame = (x: number, inner: number, title: string, style: string) => [
    rect(x, MARGIN, inner + 2 * PAD, HEAD + body, style),
    text(x + PAD, MARGIN + 22, title, ' font-size="15" font-weight="bold"'),
  ];
  const parts = [
    ...frame(hostX, left, "host", 'fill="#f1f3f4" stroke="#9aa0a6"'),
    ...frame(boxX, right, `sandbox ${name}`, 'fill="#e6f4ea" stroke="#1f6f43" stroke-width="2"'),
  ];
  let y = MARGIN + HEAD;
  for (const row of rows) {
    const high = heightOf(row);
    parts.push(
      ...block(hostX + PAD, y, left, high, row.title, row.host),
      ...block(boxX + PAD, y, right, high, row.title, row.inside),
      ...connector(hostX + PAD + left, boxX + PAD, y + high / 2, row.connection),
    );
    y += high + GAP;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="ui-monospace, DejaVu Sans Mono, monospace" font-size="${FONT}">
<title>${escaped(`The sandbox ${name}`)}</title>
${rect(0, 0, width, height, 'fill="#ffffff"')}
${parts.join("\n")}
</svg>`;
}
