/// <reference lib="deno.worker" />
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  boundingSetDrop,
  boundingSetHas,
  capget,
  capset,
  CLONE_NEWNS,
  CLONE_NEWUTS,
  close,
  fileStatus,
  filesystemStatus,
  fsconfigCreate,
  fsconfigFlag,
  fsconfigReconfigure,
  fsconfigString,
  fsmount,
  fsopen,
  fspick,
  getNoNewPrivs,
  makePrivate,
  makeShared,
  makeSlave,
  makeUnbindable,
  MNT_DETACH,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  mountBind,
  mountFilesystem,
  mountMove,
  mountSetattr,
  moveMount,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  O_CREAT,
  O_WRONLY,
  open,
  openTree,
  pivotRoot,
  readAll,
  remountReadOnly,
  setChildSubreaper,
  setNoNewPrivs,
  setns,
  setParentDeathSignal,
  setThreadName,
  ST_NODEV,
  ST_NOEXEC,
  ST_NOSUID,
  ST_RDONLY,
  syscall,
  SyscallError,
  TMPFS_MAGIC,
  unmount,
  unshare,
} from "../../lib/sys/mod.ts";

function mountinfo(): string {
  const fd = open("/proc/thread-self/mountinfo");
  const text = new TextDecoder().decode(readAll(fd));
  close(fd);
  return text;
}

function fails(code: string, call: () => void): SyscallError {
  const error = assertThrows(call, SyscallError) as SyscallError;
  assertEquals(error.code, code, error.message);
  return error;
}

/** Runs something in a private mount namespace, with a tmpfs to play in. */
function withMounts(body: (folder: string) => void): void {
  const folder = "/mnt"; // covered in this namespace only
  unshare(CLONE_NEWNS);
  makePrivate("/");
  mountFilesystem("tmpfs", folder, { source: "playground", data: "size=1m,mode=755" });
  body(folder);
}

const TASKS: Record<string, () => void> = {
  mount: () =>
    withMounts((folder) => {
      assertEquals(filesystemStatus(folder).type, TMPFS_MAGIC);
      for (const name of ["a", "b", "c"]) Deno.mkdirSync(`${folder}/${name}`);
      mountFilesystem("tmpfs", `${folder}/a`, { flags: MS_NOSUID | MS_NODEV | MS_NOEXEC });
      Deno.mkdirSync(`${folder}/a/below`);
      mountFilesystem("tmpfs", `${folder}/a/below`);

      mountBind(`${folder}/a`, `${folder}/b`);
      remountKeepsFlags(`${folder}/b`);
      fails("EROFS", () => open(`${folder}/b/new`, { flags: O_WRONLY | O_CREAT }));
      close(open(`${folder}/a/new`, { flags: O_WRONLY | O_CREAT }));
      assert(fileStatus(`${folder}/b/below`).mountId !== fileStatus(`${folder}/b`).mountId);

      mountMove(`${folder}/b`, `${folder}/c`);
      assertEquals(fileStatus(`${folder}/c/new`).size, 0);
      makeShared(`${folder}/c`);
      assert(/ shared:\d+/.test(mountinfo().split("\n").find((l) => l.includes(`${folder}/c `))!));
      makeSlave(`${folder}/c`);
      makeUnbindable(`${folder}/c`, { recursive: false });
      fails("EINVAL", () => mountBind(`${folder}/c`, `${folder}/b`));

      const busy = open(`${folder}/c/new`);
      fails("EBUSY", () => unmount(`${folder}/c`));
      unmount(`${folder}/c`, MNT_DETACH);
      close(busy);
      const error = fails("EINVAL", () => unmount(`${folder}/c`));
      assertEquals(error.path, `${folder}/c`);

      const bind = fails("ENOENT", () => mountBind("/nowhere", `${folder}/b`));
      assertEquals(bind.path, "/nowhere");
      assertEquals(bind.dest, `${folder}/b`);
      assertEquals(bind.flags, "MS_BIND|MS_REC");
      assertEquals(
        fails("ENODEV", () => mountFilesystem("nofs", folder, { data: "x=1" })).message,
        `mount "nofs" on "${folder}" (x=1): ENODEV (no such device)`,
      );
    }),

  mount_api: () =>
    withMounts((folder) => {
      for (const name of ["a", "b", "c"]) Deno.mkdirSync(`${folder}/${name}`);
      const context = fsopen("tmpfs");
      fsconfigString(context, "size", "64k");
      fsconfigFlag(context, "ro");
      const bad = fails("EINVAL", () => fsconfigString(context, "size", "many"));
      assertEquals(bad.path, "size=many");
      assert(bad.hint?.includes("size"), `no word of the kernel's in: ${bad.message}`);
      fsconfigCreate(context);
      const mount = fsmount(context, MOUNT_ATTR_NODEV);
      moveMount(mount, `${folder}/a`);
      close(mount);
      close(context);
      const flags = filesystemStatus(`${folder}/a`).flags;
      assertEquals(flags & (ST_RDONLY | ST_NODEV), ST_RDONLY | ST_NODEV);

      const again = fspick(`${folder}/a`);
      fsconfigFlag(again, "rw");
      fsconfigReconfigure(again);
      close(again);
      Deno.mkdirSync(`${folder}/a/below`);
      mountFilesystem("tmpfs", `${folder}/a/below`);

      const tree = openTree(`${folder}/a`);
      mountSetattr(tree, {
        set: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID,
        propagation: MS_PRIVATE,
        recursive: true,
      });
      moveMount(tree, `${folder}/b`);
      close(tree);
      for (const path of [`${folder}/b`, `${folder}/b/below`]) {
        fails("EROFS", () => open(`${path}/new`, { flags: O_WRONLY | O_CREAT }));
      }
      close(open(`${folder}/a/below/new`, { flags: O_WRONLY | O_CREAT }));

      mountSetattr(`${folder}/b`, { clear: MOUNT_ATTR_RDONLY });
      close(open(`${folder}/b/new`, { flags: O_WRONLY | O_CREAT }));
      const error = fails("EINVAL", () => mountSetattr(`${folder}/c`, { set: MOUNT_ATTR_RDONLY }));
      assertEquals(error.path, `${folder}/c`);
      assertEquals(error.flags, "MOUNT_ATTR_RDONLY");
      assertEquals(fails("ENODEV", () => fsopen("nofs")).path, "nofs");
      assertEquals(
        fails("ENOENT", () => openTree("/nowhere")).flags,
        "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE",
      );
    }),

  pivot_root: () =>
    withMounts((folder) => {
      Deno.mkdirSync(`${folder}/old`);
      Deno.writeTextFileSync(`${folder}/here`, "new root");
      fails("EINVAL", () => pivotRoot(`${folder}/old`, `${folder}/old`));
      pivotRoot(folder, `${folder}/old`);
      assertEquals(fileStatus("/here").size, 8);
      unmount("/old", MNT_DETACH);
      fails("ENOENT", () => open("/usr"));
    }),

  setns: () => {
    const before = open("/proc/thread-self/ns/uts");
    const name = Deno.hostname();
    unshare(CLONE_NEWUTS);
    assert(fileStatus(before).inode !== fileStatus("/proc/thread-self/ns/uts").inode);
    assertEquals(syscall("sethostname", new TextEncoder().encode("fern"), 4), 0);
    assertEquals(Deno.hostname(), "fern");
    const error = fails("EINVAL", () => setns(before, CLONE_NEWNS));
    assertEquals(error.flags, "CLONE_NEWNS");
    setns(before, CLONE_NEWUTS);
    assertEquals(Deno.hostname(), name);
    close(before);
  },

  prctl: () => {
    assertEquals(getNoNewPrivs(), false);
    setNoNewPrivs();
    assertEquals(getNoNewPrivs(), true);
    setThreadName("a paddock thread");
    const fd = open("/proc/thread-self/comm");
    assertEquals(new TextDecoder().decode(readAll(fd)), "a paddock threa\n");
    close(fd);
    setParentDeathSignal("SIGKILL");
    setParentDeathSignal(0);
    setChildSubreaper(true);
    setChildSubreaper(false);
  },

  capabilities: () => {
    assert(boundingSetHas("CAP_SYS_TIME"));
    boundingSetDrop("CAP_SYS_TIME");
    assert(!boundingSetHas("CAP_SYS_TIME"));
    const { permitted } = capget();
    capset({ effective: 0n, permitted, inheritable: 0n });
    assertEquals(capget(), { effective: 0n, permitted, inheritable: 0n });
    const error = fails("EPERM", () => unshare(CLONE_NEWUTS));
    assertEquals(error.message, "unshare (CLONE_NEWUTS): EPERM (operation not permitted)");
    fails("EPERM", () => boundingSetDrop("CAP_KILL"));
    capset({ effective: 0n, permitted: 0n, inheritable: 0n });
    fails("EPERM", () => capset({ effective: 0n, permitted, inheritable: 0n }));
  },
};

function remountKeepsFlags(target: string): void {
  remountReadOnly(target);
  const kept = ST_NOSUID | ST_NODEV | ST_NOEXEC;
  assertEquals(filesystemStatus(target).flags & (kept | ST_RDONLY), kept | ST_RDONLY);
}

self.onmessage = ({ data }) => {
  try {
    TASKS[data as string]!();
    self.postMessage("");
  } catch (error) {
    self.postMessage((error as Error).stack ?? String(error));
  }
};
