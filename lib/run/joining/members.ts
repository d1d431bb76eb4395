/**
 * Who is in a sandbox: the processes of its pid namespace, by the host's proc. What proc says inside
 * is not asked. pid_namespaces(7), proc_pid_status(5).
 *
 * @module
 */

/** A process of a running sandbox. */
export interface Member {
  /** Its number on the host. */
  readonly pid: number;
  /** Its number inside. */
  readonly inside: number;
  /** Its program and arguments, as it says itself; its name where that is not to be seen. */
  readonly command: readonly string[];
}

interface Seen {
  readonly parent: number;
  readonly numbers: readonly number[];
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

function see(pid: number): Seen | undefined {
  const status = read(`/proc/${pid}/status`);
  const numbers = /^NSpid:\s+(.*)$/m.exec(status ?? "")?.[1]?.split(/\s+/).map(Number);
  const parent = Number(/^PPid:\s+(\d+)$/m.exec(status ?? "")?.[1]);
  return numbers === undefined ? undefined : { parent, numbers };
}

function namespaceOf(pid: number): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    // Another user's, or not dumpable.
    return undefined;
  }
}

/** Whose arguments are not to be seen is known by its name at least, as ps(1) has it. */
function commandOf(pid: number): string[] {
  const words = (read(`/proc/${pid}/cmdline`) ?? "").split("\0").slice(0, -1);
  if (words.length > 0) return words;
  const name = read(`/proc/${pid}/comm`)?.trimEnd();
  return name === undefined ? [] : [name];
}

/**
 * All processes of the pid namespace, in the order of their numbers inside. `first` is its pid 1 as
 * the host numbers it, `link` what its namespace is called, e.g. `pid:[4026531836]`.
 */
export function membersOf(first: number, link: string): Member[] {
  const all = new Map<number, Seen>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const seen = see(Number(name));
    if (seen !== undefined) all.set(Number(name), seen);
  }
  const depth = all.get(first)?.numbers.length;
  if (depth === undefined || depth < 2) return [];
  const isMember = (pid: number, seen: Seen): boolean => {
    if (seen.numbers.length !== depth) return false;
    const own = namespaceOf(pid);
    if (own !== undefined) return own === link;
    // Orphans are pid 1's, so whoever cannot be asked has it above.
    for (
      let at: Seen | undefined = seen, up = pid;
      at !== undefined;
      up = at.parent, at = all.get(up)
    ) {
      if (up === first) return true;
      if (at.parent === up || at.parent === 0) return false;
    }
    return false;
  };
  return [...all].filter(([pid, seen]) => isMember(pid, seen)).map(([pid, { numbers }]) => ({
    pid,
    inside: numbers.at(-1)!,
    command: commandOf(pid),
  })).sort((a, b) => a.inside - b.inside);
}
