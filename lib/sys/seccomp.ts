/**
 * seccomp_unotify(2): the supervisor's side of a filter that asks. Filters themselves are made and
 * installed elsewhere; see the `seccomp` method of a sandbox.
 *
 * @module
 */

import { ERRNO } from "./abi/errno.ts";
import {
  SECCOMP_ADDFD_FLAG_SEND,
  SECCOMP_IOCTL_NOTIF_ADDFD,
  SECCOMP_IOCTL_NOTIF_ID_VALID,
  SECCOMP_IOCTL_NOTIF_RECV,
  SECCOMP_IOCTL_NOTIF_SEND,
  SECCOMP_USER_NOTIF_FLAG_CONTINUE,
} from "./abi/seccomp.ts";
import { O_CLOEXEC } from "./abi/fcntl.ts";
import { addressOf, check, rawSyscall } from "./libc.ts";
import { SYS } from "./syscall_numbers.ts";

/** A system call that waits for its supervisor: `struct seccomp_notif`. */
export interface Notification {
  /** Tells this call from all others of the listener. */
  readonly id: bigint;
  /** The thread that makes it, as this process sees it; 0 if it cannot be seen from here. */
  readonly pid: number;
  /** The call's number. */
  readonly number: number;
  /** AUDIT_ARCH_*. */
  readonly arch: number;
  /** Where in its memory the call is made. */
  readonly instructionPointer: bigint;
  /** The six registers. */
  readonly arguments: readonly bigint[];
}

/** Bytes of `struct seccomp_notif`. */
const NOTIFICATION_SIZE = 80;

/**
 * Takes the next call, or undefined if the one that was announced has ended meanwhile. Waits if
 * there is none, so poll the listener first.
 *
 * Errors: EBADF, EINVAL. Permissions: `--allow-ffi`. Source: seccomp_unotify(2), Linux 5.0.
 */
export function receiveNotification(listener: number): Notification | undefined {
  // The kernel wants it zeroed.
  const bytes = new Uint8Array(NOTIFICATION_SIZE);
  const result = rawSyscall(SYS.ioctl, listener, SECCOMP_IOCTL_NOTIF_RECV, bytes);
  if (result === -ERRNO.ENOENT || result === -ERRNO.EINTR) return undefined;
  check(result, "ioctl", { path: `fd ${listener}`, flags: "SECCOMP_IOCTL_NOTIF_RECV" });
  const view = new DataView(bytes.buffer);
  return {
    id: view.getBigUint64(0, true),
    pid: view.getUint32(8, true),
    number: view.getInt32(16, true),
    arch: view.getUint32(20, true),
    instructionPointer: view.getBigUint64(24, true),
    arguments: Array.from({ length: 6 }, (_, index) => view.getBigUint64(32 + index * 8, true)),
  };
}

/** What a supervised call gets: a result, an errno, or that it is made after all. */
export type NotificationAnswer =
  | { readonly value: bigint }
  | { readonly errno: number }
  | { readonly proceed: true };

/** Answers. False if the call has ended meanwhile, by a signal or its process's end. */
export function answerNotification(
  listener: number,
  id: bigint,
  answer: NotificationAnswer,
): boolean {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, id, true);
  if ("value" in answer) view.setBigInt64(8, BigInt.asIntN(64, answer.value), true);
  else if ("errno" in answer) view.setInt32(16, -answer.errno, true);
  else view.setUint32(20, SECCOMP_USER_NOTIF_FLAG_CONTINUE, true);
  const result = rawSyscall(SYS.ioctl, listener, SECCOMP_IOCTL_NOTIF_SEND, bytes);
  // EINPROGRESS: it has been answered already.
  if (result === -ERRNO.ENOENT || result === -ERRNO.EINPROGRESS) return false;
  check(result, "ioctl", { path: `fd ${listener}`, flags: "SECCOMP_IOCTL_NOTIF_SEND" });
  return true;
}

/** Whether a call still waits, and so its pid still means the process that made it. */
export function isNotificationValid(listener: number, id: bigint): boolean {
  const bytes = new BigUint64Array([id]);
  return rawSyscall(SYS.ioctl, listener, SECCOMP_IOCTL_NOTIF_ID_VALID, bytes) === 0;
}

/**
 * Duplicates a descriptor into the calling process and lets its call return the new number. False
 * if the call has ended meanwhile.
 *
 * Errors: EBADF (`fd` is none), EMFILE (there is no room in there). Permissions: `--allow-ffi`.
 * Source: seccomp_unotify(2), Linux 5.14.
 */
export function injectDescriptor(
  listener: number,
  id: bigint,
  fd: number,
  closeOnExec: boolean,
): boolean {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, id, true);
  view.setUint32(8, SECCOMP_ADDFD_FLAG_SEND, true);
  view.setUint32(12, fd, true);
  view.setUint32(20, closeOnExec ? O_CLOEXEC : 0, true);
  const result = rawSyscall(SYS.ioctl, listener, SECCOMP_IOCTL_NOTIF_ADDFD, bytes);
  if (result === -ERRNO.ENOENT || result === -ERRNO.EINPROGRESS) return false;
  check(result, "ioctl", { path: `fd ${fd}`, flags: "SECCOMP_IOCTL_NOTIF_ADDFD" });
  return true;
}

/**
 * Copies another process's memory: what there is of it from an address on, at most so much.
 *
 * Errors: EPERM (it may not be traced), ESRCH, EFAULT (nothing is mapped there). Permissions:
 * `--allow-ffi`. Source: process_vm_readv(2).
 */
export function readProcessMemory(
  pid: number,
  address: bigint,
  length: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  if (length === 0) return bytes;
  const local = new BigUint64Array([BigInt(addressOf(bytes)), BigInt(length)]);
  const remote = new BigUint64Array([address, BigInt(length)]);
  const count = check(
    rawSyscall(SYS.process_vm_readv, pid, local, 1, remote, 1, 0),
    "process_vm_readv",
    { path: `${pid} at 0x${address.toString(16)}` },
  );
  return bytes.subarray(0, count);
}
