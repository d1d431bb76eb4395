/**
 * Without the sandbox: the kernel's own interface. A program is started in new user and UTS
 * namespaces, with a system call made in between that names the machine.
 *
 *     deno run -A examples/sys_unshare.ts
 *
 * @module
 */

import { SyscallError } from "../mod.ts"; // in your project: "jsr:@paddock/paddock"
import {
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  close,
  O_DIRECTORY,
  O_PATH,
  openat2,
  RESOLVE_BENEATH,
  spawnRaw,
  waitPidfd,
} from "../lib/sys/mod.ts"; // in your project: "jsr:@paddock/paddock/sys"

console.log("outside:", Deno.hostname());
const child = spawnRaw({
  flags: CLONE_NEWUSER | CLONE_NEWUTS,
  path: "/bin/sh",
  argv: ["sh", "-c", 'echo "inside:  $(uname -n)"'],
  env: { PATH: "/usr/bin:/bin" },
  steps: [{ name: "sethostname", args: ["fern", 4] }],
});
console.log("status: ", waitPidfd(child.pidfd)?.code);
close(child.pidfd);
console.log("outside:", Deno.hostname());

// A step that fails is named, with the errno; nothing was started.
attempt("steps: ", () => {
  spawnRaw({
    flags: CLONE_NEWUSER,
    path: "/bin/true",
    steps: [{ name: "sethostname", args: ["fern", 4] }],
  });
});

// openat2(2): a path of somebody else's, which must not lead out of a directory.
const usr = openat2("/usr", { flags: O_PATH | O_DIRECTORY });
attempt("openat2:", () => openat2("../etc/passwd", { dirfd: usr, resolve: RESOLVE_BENEATH }));
close(usr);

function attempt(label: string, action: () => unknown): void {
  try {
    action();
    console.log(label, "worked?");
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    console.log(label, error.code, "-", error.message);
  }
}
