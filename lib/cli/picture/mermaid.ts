/**
 * A scene as a flowchart of Mermaid's, which pages on GitHub and many editors draw.
 *
 * @module
 */

import type { Scene, SceneRow } from "./scene.ts";

/** A text in a label: as itself, whatever is in it. https://mermaid.js.org/syntax/flowchart.html */
function label(lines: readonly string[]): string {
  const safe = (text: string) =>
    Array.from(
      text,
      (character) =>
        /[\p{L}\p{N} .,:/_()=+@-]/u.test(character) ? character : `#${character.codePointAt(0)};`,
    ).join("");
  return `"${lines.map(safe).join("<br>")}"`;
}

/** The line between the two sides of a row. */
function line({ title, connection: { kind, label: text, outward } }: SceneRow): string {
  const arrow = { free: "==>", guarded: "-->", none: "-.-x" }[kind];
  const [from, to] = outward ? ["box", "host"] : ["host", "box"];
  return `  ${from}_${title} ${arrow}|${label([text])}| ${to}_${title}`;
}

/** The text. */
export function mermaid({ name, rows }: Scene): string {
  const side = (prefix: string, title: string, of: "host" | "inside") => [
    `  subgraph ${prefix}[${label([title])}]`,
    "    direction TB",
    ...rows.map((row) => `    ${prefix}_${row.title}[${label([`${row.title}:`, ...row[of]])}]`),
    "  end",
  ];
  return [
    "flowchart LR",
    ...side("host", "host", "host"),
    ...side("box", `sandbox ${name}`, "inside"),
    ...rows.map(line),
    "  classDef default text-align:left",
  ].join("\n");
}
