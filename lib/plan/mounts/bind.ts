/**
 * The steps that show what is on the host: binds and stacks of directories.
 *
 * @module
 */

import { sourceName } from "./sources.ts";
import type { BindMount, OverlayMount } from "../../spec.ts";
import type { NewStep } from "../step.ts";
import { mountAttributes } from "./attributes.ts";
import { OVERLAY_HINTS, overlayOperations, overlaySentence } from "./overlay.ts";
import { attach, type MountContext, setAttributes, TREE } from "./parts.ts";

/** Shows a file or directory of the host. */
export function bind(mount: BindMount, context: MountContext, field: string): NewStep {
  const { source, target, recursive = true, propagation, idMap, writable = false } = mount;
  const open = context.sources.open(
    { path: source, dest: target, recursive, writable, propagation, idMap },
    field,
    "tree",
  );
  const place = context.scaffold.mountPoint(target, "as source");
  const words = [
    writable ? "writable" : "read-only",
    ...(recursive ? [] : ["without what is mounted below"]),
    ...(propagation === undefined || propagation === "private" ? [] : [propagation]),
  ].join(", ");
  const name = sourceName(source);
  const operations = [
    ...open,
    setAttributes(TREE, mountAttributes(mount), propagation),
    ...attach(TREE, place),
  ];
  context.scaffold.addForeign(target);
  return {
    phase: "mounts",
    name: "bind",
    sentence: `bind "${name}" ${words} on "${target}"`,
    paths: { path: name, dest: target },
    hints: {
      EINVAL: recursive
        ? "a directory can only be bound on a directory, and a file on a file"
        : "an ordinary user cannot leave out what is mounted below; leave recursive as it is",
      ESTALE: "the descriptor's file has been renamed or covered, and only root can do without it",
      ENOENT: place.path === ""
        ? `"${target}" must exist there, for nothing is created on a filesystem of the host; or put a tmpfs above it`
        : `"${name}" is not there; give an existing path, or { optional: true }`,
    },
    operations,
  };
}

/** Shows a stack of directories of the host. */
export function overlay(mount: OverlayMount, context: MountContext, field: string): NewStep {
  const { target } = mount;
  context.useWorkshop();
  const operations = overlayOperations(mount, context, field, "tree");
  const place = context.scaffold.mountPoint(target, "directory");
  operations.push(
    setAttributes(TREE, mountAttributes({ ...mount, writable: mount.upper !== undefined })),
    ...attach(TREE, place),
  );
  context.scaffold.addForeign(target);
  return {
    phase: "mounts",
    name: "overlay",
    sentence: `stack ${overlaySentence(mount)} on "${target}"`,
    paths: { path: mount.lower.join(":"), dest: target },
    hints: OVERLAY_HINTS,
    operations,
  };
}
