/**
 * Arguments of which the kernel takes 32 bits. Profiles do not say it, and libseccomp compares 64:
 * a rule "any family but 40" then lets `40 + 2^32` through, of which the kernel makes 40.
 *
 * @module
 */

/** The calls that profiles look into, and which of their arguments are an int or a mode. */
const INT_ARGUMENTS: Readonly<Record<string, readonly number[]>> = {
  arch_prctl: [0],
  bpf: [0, 2],
  chmod: [1],
  // Its flags are a long, of which it uses the lower half.
  clone: [0],
  creat: [1],
  fchmod: [0, 1],
  fchmodat: [0, 2],
  fchmodat2: [0, 2, 3],
  fcntl: [0, 1],
  futex: [1, 2],
  getsockopt: [0, 1, 2],
  ioctl: [0, 1],
  kcmp: [2],
  keyctl: [0],
  kill: [1],
  madvise: [2],
  mknod: [1, 2],
  mknodat: [0, 2, 3],
  open: [1, 2],
  openat: [0, 2, 3],
  personality: [0],
  prctl: [0],
  quotactl: [0],
  reboot: [0, 1, 2],
  seccomp: [0, 1],
  setns: [0, 1],
  setsockopt: [0, 1, 2],
  socket: [0, 1, 2],
  socketpair: [0, 1, 2],
  tgkill: [2],
};

/** How many bits the kernel takes of an argument. */
export function argumentBits(call: string, argument: number): 32 | 64 {
  return INT_ARGUMENTS[call]?.includes(argument) ? 32 : 64;
}
