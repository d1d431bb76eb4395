import { assertEquals, assertThrows } from "@std/assert";
import {
  close,
  fileStatus,
  O_DIRECTORY,
  O_PATH,
  openat2,
  openInRoot,
  readAll,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  SyscallError,
} from "../../lib/sys/mod.ts";

function text(fd: number): string {
  try {
    return new TextDecoder().decode(readAll(fd));
  } finally {
    close(fd);
  }
}

Deno.test("openat2: no way out of a root", async () => {
  const outside = await Deno.makeTempDir();
  const inside = `${outside}/root`;
  await Deno.mkdir(`${inside}/etc`, { recursive: true });
  await Deno.writeTextFile(`${outside}/secret`, "outside");
  await Deno.writeTextFile(`${inside}/secret`, "inside");
  await Deno.symlink("../../../../../secret", `${inside}/etc/relative`);
  await Deno.symlink(`${outside}/secret`, `${inside}/absolute`);
  await Deno.symlink("/secret", `${inside}/rooted`);
  await Deno.symlink("/proc/self/cwd", `${inside}/magic`);
  const root = openat2(inside, { flags: O_PATH | O_DIRECTORY });

  // ".." and absolute links stop at the root: one finds what is inside, or nothing.
  assertEquals(text(openInRoot(root, "../../secret")), "inside");
  assertEquals(text(openInRoot(root, "etc/relative")), "inside");
  assertEquals(text(openInRoot(root, "rooted")), "inside");
  for (const path of ["absolute", "magic"]) {
    const error = assertThrows(() => openInRoot(root, path), SyscallError);
    assertEquals(error.code, "ENOENT");
  }
  const escape = assertThrows(
    () => openat2("../secret", { dirfd: root, resolve: RESOLVE_BENEATH }),
    SyscallError,
  );
  assertEquals(escape.code, "EXDEV");
  assertEquals(escape.flags, "O_CLOEXEC, RESOLVE_BENEATH");
  const link = assertThrows(
    () => openat2("rooted", { dirfd: root, resolve: RESOLVE_NO_SYMLINKS | RESOLVE_IN_ROOT }),
    SyscallError,
  );
  assertEquals(link.code, "ELOOP");

  close(root);
  await Deno.remove(outside, { recursive: true });
});

Deno.test("openat2: other filesystems and magic links can be refused", () => {
  const error = assertThrows(
    () => openat2("/proc/version", { resolve: RESOLVE_NO_XDEV }),
    SyscallError,
  );
  assertEquals(error.code, "EXDEV");
  const root = openat2("/", { flags: O_PATH | O_DIRECTORY });
  assertEquals(
    assertThrows(() => openInRoot(root, "/proc/self/root"), SyscallError).code,
    "ELOOP",
  );
  close(root);
});

Deno.test("openat2: a walk over .. survives renames elsewhere", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/a/b`, { recursive: true });
  await Deno.writeTextFile(`${folder}/x`, "");
  const child = new Deno.Command("sh", {
    args: [
      "-c",
      `while [ -d ${folder}/a ]; do mv ${folder}/x ${folder}/y; mv ${folder}/y ${folder}/x; done`,
    ],
    stderr: "null",
  }).spawn();
  const root = openat2(folder, { flags: O_PATH | O_DIRECTORY });
  const inode = fileStatus(`${folder}/a`).inode;
  for (let i = 0; i < 2000; i++) {
    const fd = openInRoot(root, "a/b/../b/..", { flags: O_PATH });
    assertEquals(fileStatus(fd).inode, inode);
    close(fd);
  }
  close(root);
  await Deno.remove(`${folder}/a`, { recursive: true });
  await child.status;
  await Deno.remove(folder, { recursive: true });
});
