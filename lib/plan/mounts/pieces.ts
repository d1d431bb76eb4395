/**
 * A directory of the host under a layer for changes, as the root. Where something is mounted in it
 * every part in between is a stack of its own, and all of them keep their changes in one tree, in
 * which they lie as they do in the root.
 *
 * @module
 */

import type { DirectoryRoot } from "../../spec.ts";
import { MOVE_MOUNT_F_EMPTY_PATH } from "../../sys/abi/mount.ts";
import type { HostPiece } from "../facts.ts";
import type { NewStep } from "../step.ts";
import { mountAttributes } from "./attributes.ts";
import { bind } from "./bind.ts";
import { dir, symlink } from "./files.ts";
import { changesDirectory, changesFilesystem, OVERLAY_HINTS } from "./overlay.ts";
import { attach, type MountContext, setAttributes, TREE } from "./parts.ts";
import { stackOperations } from "./stack.ts";
import { WORKSHOP } from "./workshop.ts";

const CHANGES = "CHANGES";

/** One part under a layer for changes. */
function layer(
  { path, target, within }: HostPiece & { kind: "layer" },
  number: number,
  context: MountContext,
): NewStep {
  const { scaffold, sources } = context;
  const place = scaffold.mountPoint(target, "directory");
  // Two stacks cannot have one directory for their changes, also not one in the other.
  const upper = within ? `within/${number}` : `upper${target}`;
  const work = `work/${number}`;
  const operations = [
    // Where the filesystem can map owners it does; where not, its files are nobody's.
    ...sources.open({ path, dest: target, recursive: false, writable: false }, "root", "layer"),
    ...parents(upper).map((above) => ({
      call: "mkdirat",
      args: [{ load32: CHANGES }, above, 0o755],
      onError: { tolerate: "EEXIST" },
    } as const)),
    ...changesDirectory("layer", CHANGES, upper),
    { call: "mkdirat", args: [{ load32: CHANGES }, work, 0o755] } as const,
    ...stackOperations({
      lower: ["layer"],
      upper: { operations: [], tree: CHANGES, upper, work, place: CHANGES },
      cell: "tree",
    }, context),
    setAttributes(TREE, mountAttributes({ writable: true })),
    ...attach(TREE, place),
  ];
  scaffold.addChangeable(target);
  return {
    phase: "mounts",
    name: "layer",
    sentence: `show "${path}" on "${target}", with changes in memory`,
    paths: { path, dest: target },
    hints: OVERLAY_HINTS,
    operations,
  };
}

/** The directories above a path, from the top. */
function parents(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

/** The steps that put the parts together in an empty root. The workshop must be open. */
export function pieceSteps(
  root: DirectoryRoot,
  pieces: readonly HostPiece[],
  context: MountContext,
): NewStep[] {
  context.useWorkshop();
  const changes: NewStep = {
    phase: "mounts",
    name: "changes",
    sentence: `make a filesystem in memory for what is changed of "${root.path}"`,
    operations: [
      ...changesFilesystem(root.size, context, CHANGES, "root"),
      { call: "mkdirat", args: [WORKSHOP, CHANGES, 0o700] },
      {
        call: "move_mount",
        args: [{ load32: CHANGES }, "", WORKSHOP, CHANGES, MOVE_MOUNT_F_EMPTY_PATH],
      },
      { call: "mkdirat", args: [{ load32: CHANGES }, "upper", 0o755] },
      { call: "mkdirat", args: [{ load32: CHANGES }, "work", 0o755] },
    ],
  };
  const steps = pieces.map((piece, index): NewStep => {
    switch (piece.kind) {
      case "layer":
        return layer(piece, index, context);
      case "dir":
        return dir({ kind: "dir", target: piece.target, mode: piece.mode }, context, "root");
      case "symlink":
        return symlink(
          { kind: "symlink", source: piece.to, target: piece.target },
          context,
          "root",
        );
      case "file":
        return bind(
          { kind: "bind", source: piece.path, target: piece.target },
          context,
          "root",
        );
    }
  });
  return [changes, ...steps];
}
