/**
 * The one place that opens the C library. It is opened at the first call that needs it, never at
 * import, so importing Paddock needs no permission.
 *
 * Everything goes through `syscall(2)`, with results in the kernel's own convention, not C's: a
 * negative number is minus the errno. The errno is read from the thread's own location directly
 * after the call, with nothing allocated in between, because V8 makes system calls of its own
 * when it allocates.
 *
 * @module
 */

import { SyscallError, type SyscallErrorInit, UnsupportedError } from "../errors.ts";
import { ARCH } from "./arch.ts";
import { keepAlive } from "./calls.ts";
import { SYS, type SyscallName } from "./syscall_numbers.ts";

/** Something a system call takes: a number, an address, or a buffer that outlives the call. */
export type SyscallArgument = number | bigint | ArrayBufferView<ArrayBufferLike> | null;

const SYMBOLS = {
  /** `long syscall(long number, ...)`: six arguments, each a number or an address. */
  syscall: { parameters: ["i64", "i64", "i64", "i64", "i64", "i64", "i64"], result: "i64" },
  /** `int *__errno_location(void)` */
  __errno_location: { parameters: [], result: "pointer" },
  /**
   * `int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)`, on a
   * thread of Deno's pool: the one place where Paddock waits.
   */
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32", nonblocking: true },
  /**
   * `int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *file_actions,
   * const posix_spawnattr_t *attrp, char *const argv[], char *const envp[])`
   */
  posix_spawn: { parameters: ["i64", "i64", "i64", "i64", "i64", "i64"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * `syscall` with a buffer where most calls have theirs: Deno then passes its address by itself. To
 * make each of them takes Deno as long as fifty calls without, so they come later.
 */
const SHORTCUTS = {
  /** With a buffer in the first place. */
  syscallBuffer0: {
    name: "syscall",
    parameters: ["i64", "buffer", "i64", "i64", "i64", "i64", "i64"],
    result: "i64",
  },
  /** With a buffer in the second place. */
  syscallBuffer1: {
    name: "syscall",
    parameters: ["i64", "i64", "buffer", "i64", "i64", "i64", "i64"],
    result: "i64",
  },
  /** With a buffer in the fourth place. */
  syscallBuffer3: {
    name: "syscall",
    parameters: ["i64", "i64", "i64", "i64", "buffer", "i64", "i64"],
    result: "i64",
  },
} as const satisfies Deno.ForeignLibraryInterface;

type Symbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
type Shortcuts = Deno.DynamicLibrary<typeof SHORTCUTS>["symbols"];

// `--allow-ffi=libc.so.6` makes Deno resolve the bare name against the working directory and then
// refuse it, so the absolute places are tried as well.
const PLACES: Record<typeof ARCH, string[]> = {
  x86_64: [
    "libc.so.6",
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib64/libc.so.6",
    "/usr/lib/libc.so.6",
  ],
  aarch64: [
    "libc.so.6",
    "/lib/aarch64-linux-gnu/libc.so.6",
    "/lib64/libc.so.6",
    "/usr/lib/libc.so.6",
  ],
};

let opened: { symbols: Symbols; errno: Int32Array } | undefined;

/**
 * Opens the C library with some symbols. For this folder; what takes a system call's place is in
 * {@linkcode rawSyscall}, and a second set of symbols is for what few programs need.
 */
export function openLibrary<S extends Deno.ForeignLibraryInterface>(
  symbols: S,
): Deno.DynamicLibrary<S>["symbols"] {
  if (Deno.build.os !== "linux") {
    throw new UnsupportedError("Linux namespaces", "run on Linux, x86_64 or aarch64");
  }
  let last: unknown;
  for (const place of PLACES[ARCH]) {
    try {
      return Deno.dlopen(place, symbols).symbols;
    } catch (error) {
      last = error;
    }
  }
  throw new UnsupportedError(
    "the C library (FFI)",
    "glibc's libc.so.6 could not be opened; run with `deno run -A` (or --allow-ffi), on a glibc system",
    { cause: last },
  );
}

function open(): { symbols: Symbols; errno: Int32Array } {
  const symbols = openLibrary(SYMBOLS);
  const location = symbols.__errno_location()!;
  const errno = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(location, 4));
  return opened = { symbols, errno };
}

/** So many calls with a buffer are made without a shortcut. */
const CALLS_WITHOUT = 150;
let calls = 0;
let shortcuts: Shortcuts | undefined;

function shortcut(): Shortcuts | undefined {
  if (shortcuts === undefined && ++calls > CALLS_WITHOUT) shortcuts = openLibrary(SHORTCUTS);
  return shortcuts;
}

/** The address of a buffer's first byte. It is valid for as long as the buffer is reachable. */
export function addressOf(view: ArrayBufferView<ArrayBufferLike>): number {
  return Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(view as Uint8Array<ArrayBuffer>)));
}

const held: SyscallArgument[] = [null, null, null, null, null, null];

function isBuffer(argument: SyscallArgument): argument is Uint8Array<ArrayBuffer> {
  return typeof argument === "object" && argument !== null;
}

/** Deno takes a number where it asks for a bigint, and that costs less. */
function word(argument: SyscallArgument): bigint {
  if (argument === null) return 0 as unknown as bigint;
  return (typeof argument === "object" ? addressOf(argument) : argument) as bigint;
}

/**
 * Makes a system call on this thread and returns what the kernel returned: a negative number is
 * minus the errno. No policy, no check; the typed wrappers of this folder are made of it.
 *
 * Permissions: `--allow-ffi`. Source: syscall(2).
 */
export function rawSyscall(
  number: number,
  a: SyscallArgument = 0,
  b: SyscallArgument = 0,
  c: SyscallArgument = 0,
  d: SyscallArgument = 0,
  e: SyscallArgument = 0,
  f: SyscallArgument = 0,
): number {
  const { symbols, errno } = opened ?? open();
  const n = word(number) as bigint;
  let result: bigint;
  // One buffer, in a usual place: the cheap way. Otherwise addresses are asked for one by one.
  const buffers = (isBuffer(a) ? 1 : 0) + (isBuffer(b) ? 1 : 0) + (isBuffer(c) ? 1 : 0) +
    (isBuffer(d) ? 1 : 0) + (isBuffer(e) ? 1 : 0) + (isBuffer(f) ? 1 : 0);
  const short = buffers === 1 ? shortcuts ?? shortcut() : undefined;
  if (short && isBuffer(b)) {
    result = short.syscallBuffer1(n, word(a), b, word(c), word(d), word(e), word(f));
  } else if (short && isBuffer(a)) {
    result = short.syscallBuffer0(n, a, word(b), word(c), word(d), word(e), word(f));
  } else if (short && isBuffer(d)) {
    result = short.syscallBuffer3(n, word(a), word(b), word(c), d, word(e), word(f));
  } else {
    result = symbols.syscall(n, word(a), word(b), word(c), word(d), word(e), word(f));
  }
  const code = errno[0]!;
  // Up to here V8 must not take a buffer for garbage, though only its address was in use.
  if (typeof a === "object") held[0] = a;
  if (typeof b === "object") held[1] = b;
  if (typeof c === "object") held[2] = c;
  if (typeof d === "object") held[3] = d;
  if (typeof e === "object") held[4] = e;
  if (typeof f === "object") held[5] = f;
  const value = Number(result);
  return value === -1 ? -code : value;
}

/** {@linkcode rawSyscall} by name instead of number. */
export function syscall(name: SyscallName, ...args: SyscallArgument[]): number {
  return rawSyscall(SYS[name], args[0], args[1], args[2], args[3], args[4], args[5]);
}

/** Throws a {@linkcode SyscallError} when `result` is negative, else returns it. */
export function check(
  result: number,
  name: SyscallName,
  about?: Omit<SyscallErrorInit, "syscall" | "errno">,
): number {
  if (result < 0) throw new SyscallError({ syscall: name, errno: -result, ...about });
  return result;
}

/**
 * Waits on an epoll instance without blocking JavaScript; fills `events` (12 packed bytes each on
 * x86_64, 16 on aarch64) and resolves to their number, or to -1 when a signal came first.
 * A pending call keeps the program alive.
 */
export function epollWaitAsync(
  epfd: number,
  events: Uint8Array<ArrayBuffer>,
  most: number,
  timeoutMilliseconds: number,
): Promise<number> {
  const { symbols } = opened ?? open();
  return symbols.epoll_wait(epfd, events, most, timeoutMilliseconds);
}

/**
 * Starts a program with an empty environment, and returns its pid or minus the errno. It inherits
 * every descriptor that is not close-on-exec, and signals as they are here, but for handlers.
 *
 * It is a child of the calling thread, so that its PR_SET_PDEATHSIG means this one, and it is the
 * caller's to reap. `Deno.Command` does as much, and takes three milliseconds to be loaded.
 *
 * Permissions: `--allow-ffi`. Source: posix_spawn(3).
 */
export function posixSpawn(path: string, name: string): number {
  const { symbols } = opened ?? open();
  const pid = new Int32Array(1), program = cString(path), argument = cString(name);
  const argv = new BigUint64Array([BigInt(addressOf(argument)), 0n]), envp = new BigUint64Array(1);
  const errno = symbols.posix_spawn(
    word(pid),
    word(program),
    word(0),
    word(0),
    word(argv),
    word(envp),
  );
  keepAlive(pid, program, argument, argv, envp);
  return errno === 0 ? pid[0]! : -errno;
}

/** A NUL-terminated copy of a path or a name, for the kernel. A NUL inside is refused. */
export function cString(text: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  if (bytes.includes(0)) throw new TypeError(`Text for the kernel holds a NUL byte: "${text}"`);
  const out = new Uint8Array(bytes.length + 1);
  out.set(bytes);
  return out;
}

const ROOM = 4096;
const room = Array.from({ length: 2 }, () => new Uint8Array(ROOM + 1));
const encoder = new TextEncoder();
let last = 0;

/**
 * A NUL-terminated path for a call that is made at once: the memory is used again by the call after
 * next. Whoever makes thousands of files would otherwise leave as many buffers to be collected.
 */
export function pathArgument(path: string | Uint8Array): Uint8Array<ArrayBuffer> {
  // A text may take three bytes a character.
  if (path.length * (typeof path === "string" ? 3 : 1) > ROOM) return cString(path);
  const into = room[last ^= 1]!;
  let length = path.length;
  if (typeof path === "string") length = encoder.encodeInto(path, into).written;
  else into.set(path);
  into[length] = 0;
  if (into.indexOf(0) !== length) return cString(path);
  return into.subarray(0, length + 1);
}

/** A path as an error quotes it. */
export function pathText(path: string | Uint8Array): string {
  return typeof path === "string" ? path : new TextDecoder().decode(path);
}
