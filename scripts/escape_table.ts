/**
 * Writes the table of attempts into docs/security.md, between its two marks. Run as
 * `deno run -A scripts/escape_table.ts`, followed by `deno fmt`.
 *
 * @module
 */

import { ATTEMPTS } from "../tests/escape/attempts.ts";

const DOCUMENT = new URL("../docs/security.md", import.meta.url);
const BEGIN = "<!-- attempts -->", END = "<!-- end of attempts -->";

const rows = ATTEMPTS.map(({ name, guard, arch }) =>
  `| ${name} | ${guard}${arch ? ` (${arch})` : ""} |`
);
const table = ["", "| To ... | What stops it |", "| --- | --- |", ...rows, ""].join("\n");
const text = await Deno.readTextFile(DOCUMENT);
const from = text.indexOf(BEGIN), to = text.indexOf(END);
if (from < 0 || to < 0) throw new Error(`docs/security.md lacks ${BEGIN} and ${END}`);
await Deno.writeTextFile(
  DOCUMENT,
  text.slice(0, from + BEGIN.length) + "\n" + table + "\n" + text.slice(to),
);
