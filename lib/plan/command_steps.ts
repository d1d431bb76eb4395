/**
 * The steps of the command's own process, from the clone to execve. They come in the order that
 * the kernel's rules ask for: what needs privileges first, then the privileges go, then the
 * descriptors, then the program. capabilities(7), credentials(7), execve(2).
 *
 * @module
 */

import type { Operation, Value } from "../agent/operation.ts";
import { CLOSE_RANGE_ALL, SIGNAL_SET_SIZE } from "../agent/words.ts";
import { CLOSE_RANGE_CLOEXEC } from "../sys/abi/fcntl.ts";
import { TIOCSCTTY } from "../sys/abi/ioctl.ts";
import { PR_SET_PDEATHSIG } from "../sys/abi/prctl.ts";
import { SIG_SETMASK, SIGNALS } from "../sys/abi/signal.ts";
import type { NewStep } from "./step.ts";

/** The parent's end is this process's end. Cleared by every change of credentials. prctl(2). */
export function dieWithParent(): Operation {
  return { call: "prctl", args: [PR_SET_PDEATHSIG, SIGNALS.SIGKILL] };
}

/** A session of its own, out of reach of the caller's terminal (CVE-2017-5226); maybe with a terminal. */
export function sessionStep(tty: boolean): NewStep {
  return {
    phase: "command",
    name: "session",
    sentence: tty ? "start a session with the terminal as its own" : "start a session of its own",
    operations: [
      { call: "setsid", args: [] },
      ...(tty ? [{ call: "ioctl", args: [0, TIOCSCTTY, 0] } as Operation] : []),
    ],
  };
}

/** Puts the received descriptors at 0, 1 and 2. */
export function stdioStep(places: readonly Value[]): NewStep {
  return {
    phase: "command",
    name: "stdio",
    sentence: "put standard input, output and error in place",
    operations: places.map((place, fd) => ({ call: "dup3", args: [place, fd, 0] })),
  };
}

/** Goes to the working directory, and makes sure that it lies inside (CVE-2024-21626). */
export function cwdStep(cwd: string): NewStep {
  return {
    phase: "command",
    name: "cwd",
    sentence: `go to the directory "${cwd}"`,
    paths: { path: cwd },
    hints: {
      ENOENT: "the working directory must exist inside; make it with dir(), tmpfs() or bind()",
      EACCES: "the command's user may not enter it",
    },
    operations: [
      { call: "chdir", args: [cwd] },
      { call: "getcwd", args: [{ at: "cwd" }, 4096] },
      // A directory outside of the root reads "(unreachable)...".
      {
        call: "AND",
        args: [{ load32: "cwd" }, 0xff],
        when: { equals: 0x2f },
        goto: "cwd is inside",
      },
      { call: "SET", args: [-13] },
      { call: "SET", args: [0], label: "cwd is inside" },
    ],
  };
}

/** The file mode creation mask. */
export function umaskStep(mask: number): NewStep {
  return {
    phase: "command",
    name: "umask",
    sentence: `set the umask to ${mask.toString(8).padStart(4, "0")}`,
    operations: [{ call: "umask", args: [mask] }],
  };
}

/** Dies with its parent from here on, gets its signals back, and leaks no descriptor. */
export function lastStep(): NewStep {
  return {
    phase: "command",
    name: "close",
    sentence: "die with the parent, unblock signals, close every other descriptor",
    operations: [
      dieWithParent(),
      // A parent that died before that line sends no signal any more. As pid 1 there is none to see.
      { call: "getppid", store: "parent" },
      {
        call: "SUBTRACT",
        args: [{ load: "parent" }, { load: "first pid" }],
        onError: "ignore",
        when: { differs: 0 },
        goto: "exit",
      },
      { call: "rt_sigprocmask", args: [SIG_SETMASK, new Uint8Array(8), 0, SIGNAL_SET_SIZE] },
      { call: "close_range", args: [3, CLOSE_RANGE_ALL, CLOSE_RANGE_CLOEXEC] },
    ],
  };
}

/** The command, as it is to be executed. */
export interface CommandLine {
  /** The program and its arguments; bytes where they are not UTF-8. */
  readonly argv: readonly (string | Uint8Array)[];
  /** `NAME=value` each. */
  readonly env: readonly (string | Uint8Array)[];
  /** Where a program without a slash is looked for, inside. */
  readonly searchPath: string;
}

/** How a word of the command line is shown. */
export function show(word: string | Uint8Array): string {
  return typeof word === "string" ? word : new TextDecoder().decode(word);
}

/** A program in a folder; as bytes, where its name is. */
function below(folder: string, program: string | Uint8Array): string | Uint8Array {
  if (typeof program === "string") return `${folder}/${program}`;
  const prefix = new TextEncoder().encode(`${folder}/`);
  const path = new Uint8Array(prefix.length + program.length);
  path.set(prefix);
  path.set(program, prefix.length);
  return path;
}

/** Looks the program up along the path, inside, and becomes it. execvp(3). */
export function execStep(command: CommandLine, secret: readonly bigint[] = []): NewStep {
  const program = command.argv[0]!;
  const name = show(program);
  const candidates = name.includes("/")
    ? [program]
    : command.searchPath.split(":").map((folder) => below(folder === "" ? "." : folder, program));
  const argv: Value = { words: [...command.argv, 0] };
  const envp: Value = { words: [...command.env, 0] };
  // For a script without an interpreter line: its argument 1 is filled in when that is known.
  const shell: Value[] = ["/bin/sh", 0, ...command.argv.slice(1), 0];
  const operations: Operation[] = [
    { call: "SET", args: [{ words: shell, name: "shell argv" }] },
  ];
  candidates.forEach((candidate, index) => {
    const next = `candidate ${index + 1}`;
    operations.push(
      {
        call: "execve",
        args: [candidate, argv, envp, ...secret],
        store: "exec",
        onError: "ignore",
        when: { equals: -2 }, // ENOENT
        goto: next,
        label: `candidate ${index}`,
      },
      {
        call: "SET",
        args: [{ load: "exec" }],
        onError: "ignore",
        when: { equals: -20 },
        goto: next,
      }, // ENOTDIR
      { call: "SET", args: [candidate], store: { name: "shell argv", offset: 8 } },
      {
        call: "SET",
        args: [{ load: "exec" }],
        onError: "ignore",
        when: { equals: -8 },
        goto: "script",
      }, // ENOEXEC
      {
        call: "SET",
        args: [{ load: "exec" }],
        onError: "ignore",
        when: { differs: -13 },
        goto: "not executed",
      }, // EACCES
      { call: "SET", args: [-13], store: "denied", onError: "ignore" },
    );
  });
  operations.push(
    {
      call: "SET",
      args: [{ load: "denied" }],
      onError: "ignore",
      when: { equals: 0 },
      goto: "not executed",
      label: `candidate ${candidates.length}`,
    },
    { call: "SET", args: [-13], store: "exec", onError: "ignore", goto: "not executed" },
    {
      call: "execve",
      args: ["/bin/sh", { at: "shell argv" }, envp, ...secret],
      store: "exec",
      onError: "ignore",
      label: "script",
    },
    { call: "SET", args: [{ load: "exec" }], label: "not executed" },
  );
  return {
    phase: "execute",
    name: "execute",
    sentence: `execute "${name}"${name.includes("/") ? "" : ` from ${command.searchPath}`}`,
    paths: { path: name },
    hints: {
      ENOENT: command.argv.length === 1 && /\S\s/.test(name)
        ? "a command is not split at its blanks; give its words one by one, or all to sh -c"
        : name.includes("/")
        ? "it is not there inside, or the interpreter it names is not; bind it, or another root"
        : "it is in none of these directories inside",
      EACCES: "it is there, but is not an executable file for this user",
      E2BIG: "the arguments and the environment are too long for the kernel",
    },
    operations,
  };
}
