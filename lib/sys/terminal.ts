/**
 * Pseudo-terminals, window sizes and line settings: pty(7), ioctl_tty(2), termios(3).
 *
 * @module
 */

import * as abi from "./abi/ioctl.ts";
import { ERRNO } from "./abi/errno.ts";
import { O_CLOEXEC, O_NOCTTY, O_RDWR } from "./abi/fcntl.ts";
import { close, open } from "./file.ts";
import { check, syscall, type SyscallArgument } from "./libc.ts";

function ioctl(fd: number, request: keyof typeof abi, argument: SyscallArgument): number {
  return check(syscall("ioctl", fd, abi[request], argument), "ioctl", {
    path: `fd ${fd}`,
    flags: request,
  });
}

/** A terminal's size, in characters, and where a program told it, in pixels. */
export interface WindowSize {
  /** Characters from top to bottom. */
  rows: number;
  /** Characters from left to right. */
  columns: number;
  /** The width in pixels; 0 is unknown. */
  xPixels?: number;
  /** The height in pixels; 0 is unknown. */
  yPixels?: number;
}

/** A terminal's size. Errors: ENOTTY. Permissions: `--allow-ffi`. Source: ioctl_tty(2), TIOCGWINSZ. */
export function getWindowSize(fd: number): Required<WindowSize> {
  const size = new Uint16Array(4);
  ioctl(fd, "TIOCGWINSZ", size);
  return { rows: size[0]!, columns: size[1]!, xPixels: size[2]!, yPixels: size[3]! };
}

/** Sets a terminal's size; its foreground programs get SIGWINCH. Errors: ENOTTY. Permissions: `--allow-ffi`. Source: ioctl_tty(2), TIOCSWINSZ. */
export function setWindowSize(fd: number, size: WindowSize): void {
  const { rows, columns, xPixels = 0, yPixels = 0 } = size;
  ioctl(fd, "TIOCSWINSZ", Uint16Array.of(rows, columns, xPixels, yPixels));
}

/** Both ends of a pseudo-terminal. */
export interface Pty {
  /** The end that a terminal program reads and writes. */
  master: number;
  /** The end that is a terminal to the programs on it. */
  slave: number;
  /** The slave's number in its devpts: `/dev/pts/N` where that is mounted. */
  number: number;
}

/** How {@linkcode openPty} opens. */
export interface PtyOptions {
  /** The first size. */
  size?: WindowSize;
  /** The multiplexer; `/dev/ptmx` when not given. Each devpts has its own. */
  ptmx?: string;
}

/**
 * Makes a pseudo-terminal. Neither end becomes the controlling terminal, and both are
 * close-on-exec. The slave is opened through the master, never by its name, which could be another
 * file in a mount namespace that somebody else arranged.
 *
 * Errors: ENOENT (no devpts), ENOSPC. Permissions: `--allow-ffi`. Source: pty(7), ioctl_tty(2).
 *
 * @example
 * ```ts
 * import { close, getWindowSize, openPty } from "@paddock/paddock/sys";
 *
 * const { master, slave } = openPty({ size: { rows: 24, columns: 80 } });
 * console.log(getWindowSize(slave).columns); // 80
 * close(slave);
 * close(master);
 * ```
 */
export function openPty(options: PtyOptions = {}): Pty {
  const master = open(options.ptmx ?? "/dev/ptmx", { flags: O_RDWR | O_NOCTTY });
  try {
    ioctl(master, "TIOCSPTLCK", new Int32Array(1));
    const number = new Uint32Array(1);
    ioctl(master, "TIOCGPTN", number);
    if (options.size) setWindowSize(master, options.size);
    const slave = ioctl(master, "TIOCGPTPEER", O_RDWR | O_NOCTTY | O_CLOEXEC);
    return { master, slave, number: number[0]! };
  } catch (error) {
    close(master);
    throw error;
  }
}

/** A terminal's line settings: `struct termios`. */
export interface Termios {
  /** Input: `ICRNL`, `IXON` and so on. */
  input: number;
  /** Output: `OPOST`, `ONLCR`. */
  output: number;
  /** The line itself: `CS8`, `PARENB`, and the speed. */
  control: number;
  /** Local: `ECHO`, `ICANON`, `ISIG` and so on. */
  local: number;
  /** The line discipline; 0 is the usual one. */
  line: number;
  /** The special characters, by `VINTR`, `VMIN` and so on. */
  characters: number[];
}

const CHARACTERS = 19;

function decodeTermios(bytes: Uint8Array<ArrayBuffer>): Termios {
  const view = new DataView(bytes.buffer);
  return {
    input: view.getUint32(0, true),
    output: view.getUint32(4, true),
    control: view.getUint32(8, true),
    local: view.getUint32(12, true),
    line: view.getUint8(16),
    characters: [...bytes.subarray(17, 17 + CHARACTERS)],
  };
}

function encodeTermios(settings: Termios): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(17 + CHARACTERS);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, settings.input, true);
  view.setUint32(4, settings.output, true);
  view.setUint32(8, settings.control, true);
  view.setUint32(12, settings.local, true);
  view.setUint8(16, settings.line);
  bytes.set(settings.characters.slice(0, CHARACTERS), 17);
  return bytes;
}

/** A terminal's line settings. Errors: ENOTTY. Permissions: `--allow-ffi`. Source: ioctl_tty(2), TCGETS. */
export function getTerminalSettings(fd: number): Termios {
  const bytes = new Uint8Array(17 + CHARACTERS);
  ioctl(fd, "TCGETS", bytes);
  return decodeTermios(bytes);
}

/**
 * Sets a terminal's line settings. Errors: ENOTTY. Permissions: `--allow-ffi`. Source: ioctl_tty(2).
 *
 * @param when Now, after what was written has been sent (`"drain"`, the default), or after that
 * with input not yet read thrown away (`"flush"`).
 */
export function setTerminalSettings(
  fd: number,
  settings: Termios,
  when: "now" | "drain" | "flush" = "drain",
): void {
  const request = ({ now: "TCSETS", drain: "TCSETSW", flush: "TCSETSF" } as const)[when];
  ioctl(fd, request, encodeTermios(settings));
}

/** The settings made raw: every byte passes at once and unchanged, as cfmakeraw(3) does it. */
export function rawSettings(settings: Termios): Termios {
  const characters = [...settings.characters];
  characters[abi.VMIN] = 1;
  characters[abi.VTIME] = 0;
  return {
    input: settings.input & ~(abi.IGNBRK | abi.BRKINT | abi.PARMRK | abi.ISTRIP | abi.INLCR |
      abi.IGNCR | abi.ICRNL | abi.IXON),
    output: settings.output & ~abi.OPOST,
    control: (settings.control & ~(abi.CSIZE | abi.PARENB)) | abi.CS8,
    local: settings.local & ~(abi.ECHO | abi.ECHONL | abi.ICANON | abi.ISIG | abi.IEXTEN),
    line: settings.line,
    characters,
  };
}

/** Whether a descriptor is a terminal. Permissions: `--allow-ffi`. Source: ioctl_tty(2), TCGETS. */
export function isTerminal(fd: number): boolean {
  const result = syscall("ioctl", fd, abi.TCGETS, new Uint8Array(17 + CHARACTERS));
  if (result === -ERRNO.EBADF) check(result, "ioctl", { path: `fd ${fd}`, flags: "TCGETS" });
  return result >= 0;
}
