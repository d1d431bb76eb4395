import { assertEquals, assertThrows } from "@std/assert";
import {
  CLONE_NEWNET,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  close,
  fileStatus,
  makeNode,
  namespaceOwner,
  namespaceOwnerUid,
  namespaceParent,
  namespaceType,
  O_DIRECTORY,
  open,
  openNamespace,
  S_IFIFO,
  spawnRaw,
  SyscallError,
  waitPidfd,
} from "../../lib/sys/mod.ts";
import { testIf } from "../integration/support.ts";

/** Whether this user may make user namespaces here. */
const nested = await (async () => {
  const { success } = await new Deno.Command("unshare", { args: ["-U", "true"] }).output();
  return success;
})();

function withFds(use: (keep: (fd: number) => number) => void): void {
  const fds: number[] = [];
  try {
    use((fd) => (fds.push(fd), fd));
  } finally {
    fds.forEach(close);
  }
}

Deno.test("a namespace's descriptor tells its kind", () => {
  withFds((keep) => {
    assertEquals(namespaceType(keep(openNamespace("/proc/self/ns/net"))), CLONE_NEWNET);
    assertEquals(namespaceType(keep(openNamespace("/proc/self/ns/uts"))), CLONE_NEWUTS);
  });
});

testIf(nested, "user namespaces cannot be made", "owner, parent and uid of new ones", () => {
  const child = spawnRaw({
    flags: CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET,
    path: "/bin/sleep",
    argv: ["sleep", "60"],
  });
  try {
    withFds((keep) => {
      const of = (kind: string) => keep(openNamespace(`/proc/${child.pid}/ns/${kind}`));
      const inode = (fd: number) => fileStatus(fd).inode;
      const mine = (kind: string) => inode(keep(openNamespace(`/proc/self/ns/${kind}`)));
      const user = of("user");
      assertEquals(inode(keep(namespaceOwner(of("net")))), inode(user));
      assertEquals(inode(keep(namespaceParent(user))), mine("user"));
      assertEquals(inode(keep(namespaceOwner(user))), mine("user"));
      assertEquals(inode(keep(namespaceParent(of("pid")))), mine("pid"));
      assertEquals(namespaceOwnerUid(user), Deno.uid());
      const error = assertThrows(() => namespaceParent(of("net")), SyscallError) as SyscallError;
      assertEquals([error.code, error.flags], ["EINVAL", "NS_GET_PARENT"]);
      assertEquals(
        (assertThrows(() => namespaceOwnerUid(of("pid")), SyscallError) as SyscallError).code,
        "EINVAL",
      );
    });
  } finally {
    Deno.kill(child.pid, "SIGKILL");
    waitPidfd(child.pidfd);
    close(child.pidfd);
  }
});

Deno.test("what is no namespace is not opened, not even a FIFO that would block", async () => {
  const folder = await Deno.makeTempDir();
  try {
    withFds((keep) => {
      makeNode(keep(open(folder, { flags: O_DIRECTORY })), "fifo", S_IFIFO | 0o600);
    });
    for (const path of [`${folder}/fifo`, "/proc/self/status"]) {
      const error = assertThrows(() => openNamespace(path), SyscallError) as SyscallError;
      assertEquals([error.code, error.hint], ["EINVAL", "it is no namespace"]);
    }
    const fd = open("/proc/self/status");
    try {
      const error = assertThrows(() => namespaceType(fd), SyscallError) as SyscallError;
      assertEquals([error.code, error.hint], ["ENOTTY", "it is no namespace"]);
    } finally {
      close(fd);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
