/**
 * The report of `paddock doctor` as people read it.
 *
 * @module
 */

import type { Finding, ProbeReport, ProbeStatus } from "../../probe/finding.ts";
import type { Paint } from "../colour.ts";

/** What stands before a finding. */
const MARKS: Readonly<Record<ProbeStatus, string>> = {
  works: "ok",
  limited: "partly",
  missing: "no",
};

const TITLE_WIDTH = 28;
/** How far what belongs to a finding stands in. */
const INDENT = " ".repeat(10);

function colour(paint: Paint, status: ProbeStatus): (text: string) => string {
  return { works: paint.green, limited: paint.yellow, missing: paint.red }[status];
}

/** Breaks a text at spaces; each line after the first stands in as far. */
function wrapped(label: string, text: string, width: number): string[] {
  const room = Math.max(width - INDENT.length - label.length, 30);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((part, index) =>
    INDENT + (index === 0 ? label : " ".repeat(label.length)) + part
  );
}

/** One finding, as lines. */
export function findingLines(finding: Finding, paint: Paint, width: number): string[] {
  const { title, status, detail, cost, remedy, id } = finding;
  const mark = colour(paint, status)(MARKS[status].padEnd(6));
  const first = `  ${mark}  ${title.padEnd(TITLE_WIDTH)} `;
  const lines = status === "works" ? [`${first}${detail}`] : [
    `${first}${paint.dim(id)}`,
    ...wrapped("found: ", detail, width),
  ];
  if (cost !== undefined) lines.push(...wrapped("costs: ", cost, width));
  if (remedy !== undefined) {
    const [start, ...more] = wrapped("do:    ", remedy, width);
    lines.push(start!.replace("do:", paint.bold("do:")), ...more);
  }
  return lines;
}

/** The last line. */
export function summary({ usable, findings }: ProbeReport, paint: Paint): string {
  const count = (status: ProbeStatus) =>
    findings.filter((finding) => finding.status === status).length;
  const partly = count("limited"), missing = count("missing");
  const rest = [
    ...partly > 0 ? [`${partly} partly`] : [],
    ...missing > 0 ? [`${missing} not`] : [],
  ];
  const counts = `${count("works")} of ${findings.length} work${
    rest.length === 0 ? "" : `, ${rest.join(", ")}`
  }`;
  return usable
    ? `${paint.green("Sandboxes start here.")} ${counts}.`
    : `${paint.red("No sandbox starts here.")} ${counts}.`;
}
