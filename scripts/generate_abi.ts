/**
 * Generates `lib/sys/abi/` from the kernel's and glibc's headers, for both architectures.
 *
 * Names come from the C preprocessor (`-E -dD`: the macros with the header each is from, and the
 * enumerators), values from the compiler (`-S`: no program is run, so one machine serves both
 * architectures). A constant whose value differs between them picks by `ARCH`.
 *
 *     deno run -A scripts/generate_abi.ts           write the files
 *     deno run -A scripts/generate_abi.ts --check   compare only; exit status 1 on a difference
 *
 * Debian: `apt install gcc gcc-aarch64-linux-gnu libc6-dev libc6-dev-arm64-cross`.
 *
 * @module
 */

import type { Arch } from "../lib/sys/arch.ts";
import { ADDED_SYSCALLS, type Base, FAMILIES, type Family } from "./abi_families.ts";

const ARCHES: readonly Arch[] = ["x86_64", "aarch64"];
const COMMAND = "deno run -A scripts/generate_abi.ts";

/** The kernel headers' release that the files in the repository were made from. */
const HEADERS = "6.1";
/** The glibc that they were made from. */
const GLIBC = "2.36";

const decoder = new TextDecoder();

/** Runs the compiler of an architecture over a C source on its stdin. */
async function compiler(arch: Arch, args: string[], source: string): Promise<string> {
  const child = new Deno.Command(`${arch}-linux-gnu-gcc`, {
    args: [...args, "-x", "c", "-o", "-", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(source));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(`gcc for ${arch} failed:\n${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** Why the files cannot be regenerated exactly on this machine, or undefined where they can. */
export async function whyNot(): Promise<string | undefined> {
  const source = "#include <linux/version.h>\n#include <features.h>\n" +
    "LINUX_VERSION_CODE __GLIBC__ __GLIBC_MINOR__\n";
  for (const arch of ARCHES) {
    let output: string;
    try {
      output = await compiler(arch, ["-E", "-P"], source);
    } catch (error) {
      return `no ${arch}-linux-gnu-gcc, or no headers for it (${(error as Error).name})`;
    }
    const [code, major, minor] = output.trim().split("\n").at(-1)!.split(" ").map(Number) as [
      number,
      number,
      number,
    ];
    const linux = `${code >> 16}.${(code >> 8) & 255}`, glibc = `${major}.${minor}`;
    if (linux !== HEADERS || glibc !== GLIBC) {
      return `the headers for ${arch} are of Linux ${linux} and glibc ${glibc}, ` +
        `not ${HEADERS} and ${GLIBC}`;
    }
  }
}

/** A name that the headers define, and the header it is from. */
interface Name {
  name: string;
  header: string;
}

/** The macros without parameters, and the enumerators, that some headers define. */
async function namesOf(arch: Arch, headers: string[]): Promise<Map<string, Name>> {
  const source = "#define _GNU_SOURCE\n" + headers.map((h) => `#include <${h}>\n`).join("");
  const output = await compiler(arch, ["-E", "-dD"], source);
  const found = new Map<string, Name>();
  let header = "";
  const perHeader = new Map<string, string>();
  for (const line of output.split("\n")) {
    const marker = /^# \d+ "([^"]+)"/.exec(line);
    if (marker) {
      // The part after the include folder, whichever machine this is.
      header = marker[1]!.replace(/^.*\/include\//, "").replace(
        /^(x86_64|aarch64)-linux-gnu\//,
        "",
      );
      continue;
    }
    const define = /^#define (\w+)(?= )/.exec(line);
    if (define) found.set(define[1]!, { name: define[1]!, header });
    const undefine = /^#undef (\w+)/.exec(line);
    if (undefine) found.delete(undefine[1]!);
    if (!line.startsWith("#")) perHeader.set(header, (perHeader.get(header) ?? "") + line + "\n");
  }
  for (const [header, text] of perHeader) {
    for (const body of text.matchAll(/\benum\s*\w*\s*\{([^}]*)\}/g)) {
      for (const item of body[1]!.matchAll(/(?:^|,)\s*(\w+)/g)) {
        if (!found.has(item[1]!)) found.set(item[1]!, { name: item[1]!, header });
      }
    }
  }
  return found;
}

/** The values of some names, by the compiler: an assembler text that is never assembled. */
async function valuesOf(
  arch: Arch,
  headers: string[],
  names: string[],
): Promise<Map<string, bigint>> {
  const source = "#define _GNU_SOURCE\n" + headers.map((h) => `#include <${h}>\n`).join("") +
    "void values(void) {\n" +
    names.map((name) => `asm volatile("\\n->${name} %0" :: "i"((long long)(${name})));\n`).join(
      "",
    ) +
    "}\n";
  const output = await compiler(arch, ["-S", "-O1"], source);
  const values = new Map<string, bigint>();
  for (const match of output.matchAll(/^->(\w+) [$#]?(-?\d+)$/gm)) {
    values.set(match[1]!, BigInt(match[2]!));
  }
  for (const name of names) {
    if (!values.has(name)) throw new Error(`gcc gave no value for ${name} on ${arch}`);
  }
  return values;
}

/** The constants that are negative on purpose; any other negative is a flag in bit 31. */
const SIGNED = new Set(["AT_FDCWD", "RUSAGE_CHILDREN", "PR_SET_PTRACER_ANY"]);

function header(sources: string): string {
  return `// Generated by \`${COMMAND}\`; do not edit.\n// From ${sources}, for ${
    ARCHES.join(" and ")
  }.\n`;
}

function comment(doc: string): string {
  return `/**\n${
    doc.trim().split("\n").map((line) => line === "" ? " *" : ` * ${line}`).join("\n")
  }\n *\n * @module\n */\n`;
}

function literal(name: string, value: bigint, base: Base): string {
  if (base === "bigint") return `0x${BigInt.asUintN(64, value).toString(16)}n`;
  if (value < 0n && !SIGNED.has(name)) value = BigInt.asUintN(32, value);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error(`${name} needs a bigint`);
  if (base === "decimal" && value < 0x10000n || value <= 0n) return value.toString();
  if (base === "octal") return `0o${value.toString(8)}`;
  return `0x${value.toString(16)}`;
}

async function renderFamily(family: Family): Promise<string> {
  const parts: string[] = [];
  const used = new Set<string>();
  let arches = false;
  let added = false;
  for (const group of family.groups) {
    const base = group.base ?? "hex";
    const names = await Promise.all(ARCHES.map((arch) => namesOf(arch, group.headers)));
    const wanted = [...names[0]!.values()].filter(({ name }) =>
      group.take.test(name) && !group.except?.test(name) && names[1]!.has(name)
    );
    if (wanted.length === 0) throw new Error(`${family.file}: nothing matches ${group.take}`);
    const [x86, arm] = await Promise.all(
      ARCHES.map((arch) => valuesOf(arch, group.headers, wanted.map(({ name }) => name))),
    );
    const lines: string[] = [];
    const one = (name: string, doc: string, text: string, typed: string) =>
      lines.push(
        group.object
          ? `  ${name}: ${text},`
          : `/** ${doc} */\nexport const ${name}${typed} = ${text};`,
      );
    for (const { name, header } of wanted) {
      used.add(header);
      const a = literal(name, x86!.get(name)!, base), b = literal(name, arm!.get(name)!, base);
      if (a !== b) arches = true;
      const by = group.add?.find(([added]) => added === name);
      if (by && BigInt(by[1]) !== x86!.get(name)) throw new Error(`${name} by hand is not ${a}`);
      const doc = `\`${name}\` of \`${header}\`; see ${group.page}.`;
      if (a === b) one(name, doc, a, a.startsWith("-") ? ": number" : "");
      else one(name, doc, `ARCH === "aarch64" ? ${b} : ${a}`, ": number");
    }
    for (const [name, value, since] of group.add ?? []) {
      if (wanted.some((known) => known.name === name)) continue;
      added = true;
      one(
        name,
        `\`${name}\`, of Linux ${since}; see ${group.page}.`,
        literal(name, BigInt(value), base),
        "",
      );
    }
    parts.push(
      group.object
        ? `/** ${group.object.doc} */\nexport const ${group.object.name} = {\n${
          lines.join("\n")
        }\n} as const;\n`
        : lines.join("\n") + "\n",
    );
  }
  const sources = `the headers ${[...used].sort().join(", ")} of Linux ${HEADERS} and glibc` +
    (added ? ", and a list by hand of what is newer" : "");
  return header(wrap(sources)) + comment(family.doc) +
    (arches ? `\nimport { ARCH } from "../arch.ts";\n` : "") + "\n" + parts.join("\n") +
    (family.tail ?? "");
}

/** Breaks a long comment line. */
function wrap(text: string): string {
  let line = "", out = "";
  for (const word of text.split(" ")) {
    if (line.length + word.length > 70) {
      out += line.trimEnd() + "\n// ";
      line = "";
    }
    line += word + " ";
  }
  return out + line.trimEnd();
}

async function renderSyscalls(arch: Arch): Promise<string> {
  const headers = ["asm/unistd.h"];
  const prefix = "__NR_";
  const names = [...(await namesOf(arch, headers)).keys()]
    .filter((name) =>
      /^__NR_\w+$/.test(name) && !/^__NR_(syscalls|arch_specific_syscall)$/.test(name)
    );
  const values = await valuesOf(arch, headers, names);
  const table = new Map<string, number>();
  for (const [name, value] of values) table.set(name.slice(prefix.length), Number(value));
  for (const [name, [number]] of Object.entries(ADDED_SYSCALLS)) {
    const known = table.get(name);
    if (known !== undefined && known !== number) throw new Error(`${name} by hand is not ${known}`);
    table.set(name, number);
  }
  const rows = [...table].sort((a, b) => a[1] - b[1]).map(([name, number]) =>
    `  ${name}: ${number},`
  );
  return header(`asm/unistd.h of Linux ${HEADERS}, and a list by hand of what is newer`)
    .replace(/, for x86_64 and aarch64/, "") +
    comment(`The system call numbers of ${arch}.`) +
    `\n/** Every system call of ${arch} and its number; see syscalls(2). */\n` +
    `export const SYSCALLS_${arch.toUpperCase()} = {\n${rows.join("\n")}\n} as const;\n`;
}

async function renderErrno(): Promise<string> {
  const headers = ["linux/errno.h"];
  const lists = await Promise.all(ARCHES.map(async (arch) => {
    const names = [...(await namesOf(arch, headers)).keys()].filter((name) =>
      /^E[A-Z0-9]+$/.test(name)
    );
    return await valuesOf(arch, headers, names);
  }));
  const [numbers, other] = lists as [Map<string, bigint>, Map<string, bigint>];
  for (const [name, value] of numbers) {
    if (other.get(name) !== value) throw new Error(`${name} differs between the architectures`);
  }
  const texts = await errorTexts(Math.max(...[...numbers.values()].map(Number)));
  const rows = [...numbers].sort((a, b) => Number(a[1] - b[1])).map(([name, n]) =>
    `  ${name}: ${n},`
  );
  const known = new Set([...numbers.values()].map(Number));
  const textRows = [...known].sort((a, b) => a - b).map((n) =>
    `  ${n}: ${JSON.stringify(texts[n])},`
  );
  return header("linux/errno.h of Linux " + HEADERS + " and glibc's strerror(3)") +
    comment("The error numbers of errno(3), their names and their meaning.") + `
/** Every error number, by the kernel's names; see errno(3). */
export const ERRNO = {
${rows.join("\n")}
} as const;

/** The name of an error number, such as \`"ENOENT"\`. */
export type ErrnoName = keyof typeof ERRNO;

const TEXTS: Readonly<Record<number, string>> = {
${textRows.join("\n")}
};

/** The name of a positive errno: \`"ENOENT"\` for 2, \`"errno 999"\` for an unknown number. */
export function errnoName(number: number): string {
  // The first name wins where a number has two: EAGAIN, not EWOULDBLOCK.
  for (const [name, known] of Object.entries(ERRNO)) if (known === number) return name;
  return \`errno \${number}\`;
}

/** The meaning of a positive errno, in lower case: \`"no such file or directory"\` for 2. */
export function errnoText(number: number): string {
  return TEXTS[number] ?? "unknown error";
}
`;
}

/** What strerror(3) says of each number, as the second half of a sentence. */
async function errorTexts(most: number): Promise<string[]> {
  const folder = await Deno.makeTempDir();
  try {
    const source =
      `#include <stdio.h>\n#include <string.h>\nint main(void) { for (int i = 0; i <= ${most}; i++) puts(strerror(i)); return 0; }\n`;
    await Deno.writeTextFile(`${folder}/texts.c`, source);
    const built = await new Deno.Command("gcc", {
      args: ["-o", `${folder}/texts`, `${folder}/texts.c`],
    })
      .output();
    if (!built.success) throw new Error(`gcc failed:\n${decoder.decode(built.stderr)}`);
    const { stdout } = await new Deno.Command(`${folder}/texts`, { env: { LC_ALL: "C" } }).output();
    return decoder.decode(stdout).trimEnd().split("\n")
      .map((text) => /^[A-Z][a-z]/.test(text) ? text[0]!.toLowerCase() + text.slice(1) : text);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Formats a file as `deno fmt` does, so that the comparison is exact. */
async function format(text: string): Promise<string> {
  const config = new URL("../deno.json", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--config", config, "--ext", "ts", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(`deno fmt failed:\n${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** Every generated file: its name in `lib/sys/abi/` and its text. */
export async function generateAbi(): Promise<Map<string, string>> {
  const jobs: [string, Promise<string>][] = [
    ...ARCHES.map((
      arch,
    ): [string, Promise<string>] => [`syscalls_${arch}.ts`, renderSyscalls(arch)]),
    ["errno.ts", renderErrno()],
    ...FAMILIES.map((family): [string, Promise<string>] => [family.file, renderFamily(family)]),
  ];
  const files = await Promise.all(
    jobs.map(async ([name, text]): Promise<[string, string]> => [name, await format(await text)]),
  );
  return new Map(files);
}

if (import.meta.main) {
  const folder = new URL("../lib/sys/abi/", import.meta.url);
  const checking = Deno.args.includes("--check");
  let different = 0;
  for (const [name, text] of await generateAbi()) {
    const file = new URL(name, folder);
    const old = await Deno.readTextFile(file).catch(() => undefined);
    if (old === text) continue;
    different++;
    console.log(checking ? `differs: ${name}` : `wrote ${name}`);
    if (!checking) await Deno.writeTextFile(file, text);
  }
  if (checking && different > 0) Deno.exit(1);
}
