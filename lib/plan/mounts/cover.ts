/**
 * The steps that take something away from what is there: hidden and read-only paths. The place is
 * opened inside of the root, links and all, and what goes over it is the sandbox's own and never
 * something that it could have put there (CVE-2025-31133, CVE-2025-52565).
 *
 * @module
 */

import type { Operation } from "../../agent/operation.ts";
import { EVENT_SIZE } from "../../agent/event.ts";
import type { MaskMount, ReadonlyMount } from "../../spec.ts";
import { ERRNO } from "../../sys/abi/errno.ts";
import { AT_EMPTY_PATH, AT_RECURSIVE, S_IFDIR, S_IFMT, S_IFREG } from "../../sys/abi/fcntl.ts";
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from "../../sys/abi/mount.ts";
import { failureHandler } from "../program_parts.ts";
import type { NewStep } from "../step.ts";
import { attach, freshFilesystem, type MountContext, setAttributes, TREE } from "./parts.ts";
import type { Target } from "./scaffold.ts";
import { WORKSHOP } from "./workshop.ts";

const NOTHING = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/**
 * Tells the host that the step these belong to found nothing, and goes on at the label: an error that
 * is recorded, with the step's number, in another place than one that ends the set-up.
 */
function tellSkipped(done: string): Operation[] {
  return [
    { call: "HANDLER", args: [{ label: `${done} told` }, { at: "skipped" }] },
    { call: "SET", args: [-ERRNO.ENOENT] },
    { ...failureHandler(), label: `${done} told` },
    { call: "write", args: [{ load32: "status" }, { at: "skipped" }, EVENT_SIZE], goto: done },
  ];
}

/** Where a place that need not be there is missing: the label to go on at, and what tells of it. */
function ifMissing(
  done: string,
  { optional }: MaskMount | ReadonlyMount,
  { quiet }: MountContext,
): { missing?: string; tell: Operation[] } {
  if (!optional) return { tell: [] };
  if (quiet) return { missing: done, tell: [] };
  const missing = `${done} not`;
  const [first, ...rest] = tellSkipped(done);
  // What was done goes around it.
  return {
    missing,
    tell: [{ call: "SET", args: [0], goto: done }, { ...first!, label: missing }, ...rest],
  };
}

const HINTS = { ENOENT: "there is nothing to be covered; leave it out, or say { optional: true }" };

/** Puts the tree over the place that is open. */
function over(place: Target): Operation[] {
  return attach(TREE, { ...place, operations: [] });
}

/** Hides a file or a directory. */
export function mask(mount: MaskMount, context: MountContext): NewStep {
  const { scaffold } = context;
  const { target, optional } = mount;
  context.useWorkshop();
  const file = scaffold.label("mask file"), done = scaffold.label("masked");
  const { missing, tell } = ifMissing(done, mount, context);
  const place = scaffold.existing(target, undefined, "place", missing);
  const empty = scaffold.label("empty");
  scaffold.addForeign(target);
  return {
    phase: "mounts",
    name: "mask",
    sentence: `hide "${target}"${optional ? ", if it is there" : ""}`,
    paths: { dest: target },
    hints: HINTS,
    operations: [
      ...place.operations,
      { call: "statx", args: [place.dirfd, "", AT_EMPTY_PATH, 1, { at: "statx" }] },
      {
        call: "AND",
        args: [{ load32: { name: "statx", offset: 28 } }, S_IFMT],
        when: { differs: S_IFDIR },
        goto: file,
      },
      ...freshFilesystem("tmpfs", { mode: "555", size: "4k", nr_inodes: "2" }, NOTHING, "tree"),
      ...over(place),
      { call: "SET", args: [0], goto: done },
      // A file of nobody's, without any permission.
      { call: "mknodat", args: [WORKSHOP, empty, S_IFREG, 0], label: file },
      {
        call: "open_tree",
        args: [WORKSHOP, empty, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC],
        store: "tree",
      },
      setAttributes(TREE, NOTHING),
      ...over(place),
      ...tell,
      { call: "SET", args: [0], label: done },
    ],
  };
}

/** Makes a file or a directory read-only. */
export function readonly(mount: ReadonlyMount, context: MountContext): NewStep {
  const { scaffold } = context;
  const { target, optional } = mount;
  const done = scaffold.label("read-only");
  const { missing, tell } = ifMissing(done, mount, context);
  const place = scaffold.existing(target, undefined, "place", missing);
  scaffold.addForeign(target);
  return {
    phase: "mounts",
    name: "readonly",
    sentence: `make "${target}" read-only${optional ? ", if it is there" : ""}`,
    paths: { dest: target },
    hints: HINTS,
    operations: [
      ...place.operations,
      {
        call: "open_tree",
        args: [
          place.dirfd,
          "",
          OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH,
        ],
        store: "tree",
      },
      setAttributes(TREE, MOUNT_ATTR_RDONLY),
      ...over(place),
      ...tell,
      { call: "SET", args: [0], label: done },
    ],
  };
}
