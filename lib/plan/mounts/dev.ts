/**
 * The step that makes a minimal `/dev`.
 *
 * @module
 */

import type { DevMount } from "../../spec.ts";
import { MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID } from "../../sys/abi/mount.ts";
import { attach, freshFilesystem, type MountContext, ownTmpfs, TREE } from "./parts.ts";
import { openTree } from "./sources.ts";
import type { NewStep } from "../step.ts";

const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"];

const DEVICE_LINKS: [string, string][] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["ptmx", "pts/ptmx"],
];

export function dev(mount: DevMount, context: MountContext): NewStep {
  const { target } = mount;
  const { scaffold } = context;
  const operations = ownTmpfs(
    target,
    context,
    { mode: "755" },
    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
  );
  for (const name of DEVICES) {
    operations.push(
      openTree(`/dev/${name}`, "tree"),
      ...attach(TREE, scaffold.mountPoint(`${target}/${name}`, "file")),
    );
    scaffold.addForeign(`${target}/${name}`);
  }
  for (const [name, to] of DEVICE_LINKS) {
    const { dirfd, path } = scaffold.place(`${target}/${name}`)!;
    operations.push({ call: "symlinkat", args: [to, dirfd, path] });
    scaffold.addForeign(`${target}/${name}`);
  }
  const shm = scaffold.place(`${target}/shm`)!;
  operations.push(
    // POSIX shared memory wants the sticky bit and everybody's leave.
    { call: "mkdirat", args: [shm.dirfd, shm.path, 0o1777] },
    // No gid=5: under a map of one id there is no such group (EINVAL).
    ...freshFilesystem(
      "devpts",
      { ptmxmode: "666", mode: "620" },
      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
      "tree",
    ),
    ...attach(TREE, scaffold.mountPoint(`${target}/pts`, "directory")),
  );
  scaffold.addOwn(`${target}/shm`);
  scaffold.addForeign(`${target}/pts`);
  return {
    phase: "mounts",
    name: "dev",
    sentence: `make a minimal set of devices, with terminals of its own, in "${target}"`,
    paths: { path: "/dev", dest: target },
    operations,
  };
}
