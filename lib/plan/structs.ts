/**
 * The kernel structures that steps carry as bytes.
 *
 * @module
 */

/** `struct clone_args` for clone3(2); `pidfd` is filled in by the program. */
export function cloneArgs(flags: number, exitSignal: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(88);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(flags >>> 0), true);
  view.setBigUint64(32, BigInt(exitSignal), true);
  return bytes;
}

/** `struct mount_attr` for mount_setattr(2); a propagation of 0 is left as it is. */
export function mountAttr(
  set: number,
  { propagation = 0, userns = 0 }: { propagation?: number; userns?: number } = {},
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(set), true);
  view.setBigUint64(16, BigInt(propagation), true);
  view.setBigUint64(24, BigInt(userns), true);
  return bytes;
}

/** `struct open_how` for openat2(2). */
export function openHow(flags: number, mode: number, resolve: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(flags), true);
  view.setBigUint64(8, BigInt(mode), true);
  view.setBigUint64(16, BigInt(resolve), true);
  return bytes;
}

/** `struct ifreq` with a name and flags, for SIOCSIFFLAGS. netdevice(7). */
export function ifreqFlags(name: string, flags: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(40);
  bytes.set(new TextEncoder().encode(name));
  new DataView(bytes.buffer).setInt16(16, flags, true);
  return bytes;
}

/** `struct rlimit64` for prlimit(2). */
export function rlimit64(soft: bigint, hard: bigint): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new BigUint64Array([soft, hard]).buffer);
}

/** `struct winsize` for TIOCSWINSZ. ioctl_tty(2). */
export function windowSize(size: { columns: number; rows: number }): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Uint16Array.of(size.rows, size.columns, 0, 0).buffer);
}

/** Bytes of `struct open_how`. */
export const OPEN_HOW_SIZE = 24;

/** Bytes of `struct mount_attr`. */
export const MOUNT_ATTR_SIZE = 32;

/** `struct landlock_ruleset_attr`, as long as it needs to be: an older kernel knows less of it. */
export function landlockRulesetAttr(
  fs: number,
  net: number,
  scoped: number,
): Uint8Array<ArrayBuffer> {
  const words = new BigUint64Array([BigInt(fs), BigInt(net), BigInt(scoped)]);
  return new Uint8Array(words.buffer).slice(0, scoped !== 0 ? 24 : net !== 0 ? 16 : 8);
}

/** `struct landlock_net_port_attr` for landlock_add_rule(2). */
export function landlockNetPort(allowed: number, port: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new BigUint64Array([BigInt(allowed), BigInt(port)]).buffer);
}
