/**
 * The blocks of code in the documentation.
 *
 * @module
 */

const HOME = new URL("../../", import.meta.url);

/** A block of code. */
export interface Block {
  /** Where it begins, e.g. `docs/hooks.md:7`. */
  readonly place: string;
  /** What it is written in, e.g. `ts`. */
  readonly language: string;
  /** What stands behind that, e.g. `ignore`. */
  readonly marks: readonly string[];
  /** What is in it. */
  readonly text: string;
}

/** The files that explain the project to its users. */
export async function documents(): Promise<string[]> {
  const found = ["README.md"];
  for await (const { name } of Deno.readDir(new URL("docs/", HOME))) {
    if (name.endsWith(".md")) found.push(`docs/${name}`);
  }
  return found.sort();
}

/** All blocks, with the blanks that a list puts in front of them taken away. */
export async function blocks(): Promise<Block[]> {
  const found: Block[] = [];
  for (const name of await documents()) {
    const lines = (await Deno.readTextFile(new URL(name, HOME))).split("\n");
    for (let at = 0; at < lines.length; at++) {
      const fence = /^( *)```(\S+) *(.*)$/.exec(lines[at]!);
      if (fence === null) continue;
      const [, indent, language, marks] = fence;
      const start = at;
      const text: string[] = [];
      while (lines[++at]?.trim() !== "```") text.push(lines[at]!.slice(indent!.length));
      found.push({
        place: `${name}:${start + 1}`,
        language: language!,
        marks: marks!.split(" ").filter((mark) => mark !== ""),
        text: text.join("\n"),
      });
    }
  }
  return found;
}

/** The lines of a shell block, put together where they go on. */
export function shellLines(text: string): string[] {
  return text.replaceAll(/\\\n\s*/g, " ").split("\n").map((line) => line.trim()).filter((line) =>
    line !== "" && !line.startsWith("#")
  );
}

/** The words of a command line, up to a comment or what is the shell's. */
export function words(line: string): string[] {
  const found = line.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  const end = found.findIndex((word) => /^(#|[|<>;&]|\d*[<>])/.test(word));
  return (end < 0 ? found : found.slice(0, end)).map((word) =>
    // As in a shell of which only the working directory is known.
    word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, one, two) =>
      one ?? two.replaceAll("$PWD", Deno.cwd()))
  );
}
