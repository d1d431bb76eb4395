/** The figures of the README are those of the measurements. */
import { assert } from "@std/assert";

const read = (name: string) => Deno.readTextFile(new URL(`../../${name}`, import.meta.url));

Deno.test("README.md says no figure of speed that bench/README.md does not have", async () => {
  const readme = await read("README.md"), bench = await read("bench/README.md");
  const section = /## How fast\n(.*?)\n## /s.exec(readme)![1]!;
  const figures = [...section.matchAll(/\b\d+\.\d+\b|\b\d+ KiB/g)].map(([text]) => text)
    // Versions of the kernel are no measurement.
    .filter((text) => text !== "6.18");
  assert(figures.length >= 6, `${figures}`);
  for (const figure of figures) {
    const number = figure.replace(" KiB", "");
    assert(new RegExp(`\\b${number.replace(".", "\\.")}\\b`).test(bench), `${figure} is not there`);
  }
});

Deno.test("no heading of a document is there twice", async () => {
  for (const name of ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "bench/README.md"]) {
    const headings: string[] = (await read(name)).replaceAll(/```.*?```/gs, "")
      .match(/^#+ .*$/gm) ?? [];
    const twice = headings.filter((heading, index) => headings.indexOf(heading) !== index);
    assert(twice.length === 0, `${name}: ${twice}`);
  }
});

Deno.test("CHANGELOG.md has one list, with an area once and a line once", async () => {
  const text = await read("CHANGELOG.md");
  const areas = text.match(/^##+ .*$/gm) as string[];
  assert(new Set(areas).size === areas.length, `${areas}`);
  const lines = text.split(/\n(?=- |#|\n)/).map((line) => line.trim()).filter((line) =>
    line.startsWith("- ")
  );
  const twice = lines.filter((line, index) => lines.indexOf(line) !== index);
  assert(twice.length === 0, `${twice}`);
});
