/**
 * The mounts of a sandbox as they will be seen inside, read off the operations of its plan: what the
 * plan does is what the table says. proc_pid_mountinfo(5).
 *
 * @module
 */

import type { Operation, Value } from "../agent/operation.ts";
import { AT_EMPTY_PATH } from "../sys/abi/fcntl.ts";
import { attributeWords } from "./mounts/attributes.ts";
import type { Step } from "./step.ts";

/** A mount as it will be seen inside. */
export interface MountEntry {
  /** Where it is. */
  readonly target: string;
  /** The type of the filesystem; `"bind"` for something of the host, whatever its type is. */
  readonly type: string;
  /** What of the host it shows, if it does. */
  readonly source?: string;
  /** `ro` or `rw`, `nosuid`, `nodev`, `noexec`, `nosymfollow`. */
  readonly options: readonly string[];
  /** It is there only if there is something for it to lie over. */
  readonly optional: boolean;
}

/** What is known of a detached mount in a cell. */
interface Tree {
  type: string;
  source?: string;
  attributes: number;
  /** It is a copy of what is inside already, with all that is mounted below. */
  copy?: boolean;
}

interface Row {
  target: string;
  tree: Tree;
  optional: boolean;
}

/** The cell that a descriptor is in. */
function cellOf(value: Value | undefined): string | undefined {
  if (typeof value !== "object" || !("load32" in value)) return undefined;
  return typeof value.load32 === "string" ? value.load32 : undefined;
}

function text(value: Value | undefined): string {
  return typeof value === "string" ? value : "";
}

class Reader {
  readonly rows: Row[] = [];
  readonly #trees = new Map<string, Tree>();
  /** Where the descriptors of places and of filesystems lead inside. */
  readonly #places = new Map<string, string>([["root", "/"]]);
  #type = "";

  /** Follows one operation; both sides of a branch come to the same mounts. */
  read({ call, args = [], store }: Operation, optional: boolean): void {
    const cell = typeof store === "string" ? store : undefined;
    if (call === "fsopen") this.#type = text(args[0]);
    else if (call === "mount" && args[2] === "overlay") this.#type = "overlay";
    else if (call === "fsmount" && cell) {
      this.#trees.set(cell, { type: this.#type, attributes: args[2] as number });
    } else if (call === "open_tree" && cell) this.#trees.set(cell, this.#opened(args));
    else if (call === "SET" && cell) {
      const from = cellOf(args[0]);
      const tree = from === undefined ? undefined : this.#trees.get(from);
      // A copy, for the same tree is opened outside for one place only.
      if (tree) this.#trees.set(cell, { ...tree });
    } else if (call === "openat2" && cell) {
      this.#places.set(cell, `/${text(args[1]).replace(/^\.$/, "")}`);
    } else if (call === "mount_setattr") this.#attribute(args);
    else if (call === "move_mount") this.#move(args, optional);
  }

  #opened([from, path, flags]: readonly Value[]): Tree {
    const cell = cellOf(from);
    if (cell === "stack") return { type: "overlay", attributes: 0 };
    if (cell === "workshop") return { type: "tmpfs", attributes: 0 };
    if (typeof from === "number") return { type: "bind", source: text(path), attributes: 0 };
    const source = cell === undefined ? undefined : this.#places.get(cell);
    const copy = source !== undefined && ((flags as number) & AT_EMPTY_PATH) !== 0;
    return { type: "bind", source: source ?? "a descriptor", attributes: 0, copy };
  }

  #attribute([tree, , , attributes]: readonly Value[]): void {
    const found = this.#trees.get(cellOf(tree) ?? "");
    if (!found || !(attributes instanceof Uint8Array)) return;
    const view = new DataView(attributes.buffer, attributes.byteOffset);
    found.attributes |= Number(view.getBigUint64(0, true));
  }

  #move([from, , to, path]: readonly Value[], optional: boolean): void {
    const cell = cellOf(from)!, place = cellOf(to);
    const tree = this.#trees.get(cell);
    if (!tree || cell === "workshop" || place === "workshop" || place === "stack") return;
    const base = place === undefined ? "" : this.#places.get(place) ?? "";
    const target = place === undefined
      ? "/"
      : path === ""
      ? base
      : `${base === "/" ? "" : base}/${text(path)}`;
    this.#places.set(cell, target);
    const below = (row: Row) => row.target.startsWith(target === "/" ? target : `${target}/`);
    if (tree.copy) {
      // The mounts stay where they are, with more attributes.
      const covered = this.rows.filter((row) => row.target === target || below(row));
      for (const row of covered) {
        row.tree = { ...row.tree, attributes: row.tree.attributes | tree.attributes };
      }
      if (covered.some((row) => row.target === target)) return;
      const above = this.rows.findLast((row) =>
        row.target === "/" || target.startsWith(`${row.target}/`)
      );
      if (above) {
        tree.type = above.tree.type;
        tree.attributes |= above.tree.attributes;
        if (above.tree.source === undefined) delete tree.source;
      }
    } else {
      const kept = this.rows.filter((row) => optional || (row.target !== target && !below(row)));
      this.rows.splice(0, this.rows.length, ...kept);
    }
    if (!this.rows.some((row) => row.target === target && row.optional && optional)) {
      this.rows.push({ target, tree, optional });
    }
  }
}

/**
 * The mounts that a plan makes, in their order, without those that others cover. What is mounted
 * below a recursive bind on the host comes along and is not in the table.
 *
 * ```ts
 * import { mountTable, sandbox } from "@paddock/paddock";
 *
 * const table = mountTable(sandbox().bind("/srv").plan().steps);
 * console.log(table.at(-1)); // { target: "/srv", type: "bind", source: "/srv", options: ["ro", ..] }
 * ```
 */
export function mountTable(steps: readonly Step[]): MountEntry[] {
  const reader = new Reader();
  for (const step of steps) {
    const optional = step.name === "guard" || / if it is there$/.test(step.sentence);
    for (const operation of step.operations) reader.read(operation, optional);
  }
  return reader.rows.map(({ target, tree: { type, source, attributes }, optional }) => ({
    target,
    type,
    ...(source === undefined ? {} : { source }),
    options: attributeWords(attributes),
    optional,
  }));
}
