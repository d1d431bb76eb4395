/**
 * What of the host is to be seen inside: who opens it, when, and whose files they then are.
 *
 * @module
 */

import type { Operation, Value } from "../../agent/operation.ts";
import { SpecError, UnsupportedError } from "../../errors.ts";
import type { IdRange, MountIdMap, MountSpec, Propagation, SandboxSpec } from "../../spec.ts";
import { AT_EMPTY_PATH, AT_FDCWD, AT_RECURSIVE, O_CLOEXEC, O_RDONLY } from "../../sys/abi/fcntl.ts";
import { MOUNT_ATTR_IDMAP, OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE } from "../../sys/abi/mount.ts";
import type { HostFacts } from "../facts.ts";
import { openDiskMap } from "../id_map_steps.ts";
import { type Identity, UNPRIVILEGED_ID } from "../identity.ts";
import { joinedKinds } from "../namespace_steps.ts";
import type { NewStep } from "../step.ts";
import { MOUNT_ATTR_SIZE } from "../structs.ts";

/** A file or directory of the host that is to be seen inside. */
export interface Source {
  /** Its absolute path on the host, or the caller's descriptor of it. */
  readonly path: string | { readonly fd: number };
  /** Where it will be, for errors. */
  readonly dest?: string;
  /** With all that is mounted below it. */
  readonly recursive: boolean;
  /** The sandbox may change it, so that its files must have the sandbox's owners. */
  readonly writable: boolean;
  /** Owners of its own. */
  readonly idMap?: MountIdMap;
  /** What is mounted on the host later is to appear. */
  readonly propagation?: Propagation;
}

/** The descriptors that a description names as sources, in the order in which they are sent. */
export function sourceDescriptors(mounts: readonly MountSpec[]): number[] {
  return mounts.flatMap((mount) =>
    mount.kind === "bind" && typeof mount.source === "object" ? [mount.source.fd] : []
  );
}

/** How a source is called in sentences and errors. */
export function sourceName(path: Source["path"]): string {
  return typeof path === "string" ? path : `descriptor ${path.fd}`;
}

/** Whether the command has the caller's own numbers, so that its map is the files' map too. */
export function isCaller({ user }: Identity, facts: HostFacts): boolean {
  return user.uid === facts.uid && user.gid === facts.gid;
}

/** Opens a copy of a mount tree of the host, detached, in the cell. */
export function openTree(source: string, cell: string, recursive = true): Operation {
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
  return { call: "open_tree", args: [AT_FDCWD, source, flags], store: cell };
}

/** The sources of one sandbox. */
export class Sources {
  /** What the agent opens before it clones. */
  readonly outside: NewStep[] = [];
  /** What is opened inside while the mounts there still hear of the host's. */
  readonly early: Operation[] = [];
  /** What can be written must be id-mapped; the rest is where the filesystem can. */
  readonly #idmapped: { cell: string; must: boolean; recursive: boolean }[] = [];
  readonly #descriptors: readonly number[];
  #count = 0;

  constructor(
    readonly spec: SandboxSpec,
    readonly facts: HostFacts,
    readonly identity: Identity,
    /** Where in memory each descriptor of the request is. */
    readonly requestFd: (index: number) => number,
    /** The first of the request's descriptors that is a source. */
    readonly firstSource: number,
    /** Mounts whose source was opened and handed in: the index in the list to the descriptor inside. */
    readonly adoptedFds?: ReadonlyMap<number, number>,
  ) {
    this.#descriptors = sourceDescriptors(spec.mounts);
  }

  /** How many come with the request that makes the first process. */
  get handed(): number {
    return this.#descriptors.length;
  }

  /** Root's sandbox has lost root's rights by the time it mounts, so sources are opened before. */
  get opensOutside(): boolean {
    return this.spec.namespaces.user === "new" && this.facts.uid === 0;
  }

  /** A cell that both the agent's program and the sandbox's know. */
  cell(): string {
    return `tree ${this.#count++}`;
  }

  /** What leaves a detached copy of the source's tree in the cell, wherever it is opened. */
  open(source: Source, field: string, cell: string): Operation[] {
    const { path, recursive, idMap, propagation = "private" } = source;
    const index = /^mounts\[(\d+)\]$/.exec(field)?.[1];
    const adopted = index === undefined ? undefined : this.adoptedFds?.get(Number(index));
    if (adopted !== undefined) return [{ call: "SET", args: [adopted], store: cell }];
    const root = this.facts.uid === 0;
    if (idMap && !root) {
      throw new UnsupportedError(
        `${field}.idMap`,
        "the kernel lets only root map the owners of the host's files; leave it out, or run as root",
      );
    }
    if (this.opensOutside || (root && (idMap || typeof path === "object"))) {
      return this.#openOutside(source, field, cell);
    }
    if (typeof path === "object") return this.#openAgain(path.fd, source, field, cell);
    if (propagation !== "private") {
      const tree = this.cell();
      this.early.push(openTree(path, tree, recursive));
      return [{ call: "SET", args: [{ load32: tree }], store: cell }];
    }
    return [openTree(path, cell, recursive)];
  }

  #openOutside(source: Source, field: string, cell: string): Operation[] {
    const { path, dest, recursive, writable, idMap } = source;
    const tree = this.cell();
    const name = sourceName(path);
    const open: Operation = typeof path === "string" ? openTree(path, tree, recursive) : {
      call: "open_tree",
      args: [
        this.#descriptor(path.fd),
        "",
        OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0),
      ],
      store: tree,
    };
    this.outside.push({
      phase: "outside",
      name: "open",
      sentence: `open "${name}" on the host${idMap ? ", with owners of its own" : ""}`,
      paths: { path: name, dest },
      hints: {
        ENOENT: "give an existing path, or { optional: true }",
        EBADF: "the descriptor must stay open until the sandbox runs",
        ...(idMap ? IDMAP_HINTS : {}),
      },
      operations: [open, ...(idMap ? this.#ownMap(idMap, tree, recursive, field) : [])],
    });
    if (!idMap && this.opensOutside) this.#idmapped.push({ cell: tree, must: writable, recursive });
    return [{ call: "SET", args: [{ load32: tree }], store: cell }];
  }

  /**
   * A descriptor belongs to the host's mount namespace, of which a sandbox of an ordinary user can
   * copy nothing. So its path is opened, and must lead to the same file still.
   */
  #openAgain(fd: number, source: Source, field: string, cell: string): Operation[] {
    const path = this.facts.descriptorPath(fd);
    if (path === undefined) {
      throw new SpecError(
        `${field}.source`,
        `descriptor ${fd} is not open, or has no path, which an ordinary user's bind needs`,
      );
    }
    const swapped = `${cell} of descriptor ${fd} in ${field}`;
    const stat = (of: Value): Operation => ({
      call: "statx",
      args: [of, "", AT_EMPTY_PATH, 0x7ff, { at: "statx" }],
    });
    const INODE = 32, DEVICE = 136;
    const word = (offset: number): Value => ({ load: { name: "statx", offset } });
    const compare = (offset: number, with_: string): Operation => ({
      call: "SUBTRACT",
      args: [word(offset), { load: with_ }],
      onError: "ignore",
      when: { differs: 0 },
      goto: swapped,
    });
    return [
      stat(this.#descriptor(fd)),
      { call: "SET", args: [word(INODE)], store: "inode", onError: "ignore" },
      { call: "SET", args: [word(DEVICE)], store: "device", onError: "ignore" },
      openTree(path, cell, source.recursive),
      stat({ load32: cell }),
      compare(INODE, "inode"),
      compare(DEVICE, "device"),
      { call: "SET", args: [0], goto: `not ${swapped}` },
      // ESTALE
      { call: "SET", args: [-116], label: swapped },
      { call: "SET", args: [0], label: `not ${swapped}` },
    ];
  }

  #descriptor(fd: number): Value {
    return { load32: this.requestFd(this.firstSource + this.#descriptors.indexOf(fd)) };
  }

  /** What is made outside, as root, and is to be the sandbox's user's. */
  map(cell: string, must: boolean): void {
    this.#idmapped.push({ cell, must, recursive: false });
  }

  /** Owners for one mount: numbers on disk to the host's numbers of those inside. */
  #ownMap(map: MountIdMap, cell: string, recursive: boolean, field: string): Operation[] {
    const { maps } = this.identity;
    const lines = (side: "uids" | "gids") =>
      map[side].map((range, index) => ({
        disk: range.outside,
        host: hostId(range, maps?.[side], `${field}.idMap.${side}[${index}]`),
        count: range.count ?? 1,
      }));
    const attributes = `${cell} attributes`;
    return [
      { call: "SET", args: [{ words: [MOUNT_ATTR_IDMAP, 0, 0, 0], name: attributes }] },
      ...openDiskMap(
        { uids: lines("uids"), gids: lines("gids") },
        { name: attributes, offset: 24 },
        cell,
      ),
      {
        call: "mount_setattr",
        args: [
          { load32: cell },
          "",
          AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0),
          { at: attributes },
          MOUNT_ATTR_SIZE,
        ],
      },
    ];
  }

  /** Lets the files of what was opened appear as the sandbox's user's. Done from outside. */
  idmapStep(): NewStep | undefined {
    if (this.#idmapped.length === 0) return undefined;
    return {
      phase: "maps",
      name: "idmap",
      sentence: "let files of the caller appear as the sandbox's user's",
      hints: IDMAP_HINTS,
      operations: [
        ...this.#openIdMap(),
        { call: "SET", args: [MOUNT_ATTR_IDMAP], store: { name: "idmap attributes", offset: 0 } },
        ...this.#idmapped.flatMap(({ cell, must, recursive }): Operation[] => {
          const set = (flags: number): Operation => ({
            call: "mount_setattr",
            args: [{ load32: cell }, "", flags, { at: "idmap attributes" }, MOUNT_ATTR_SIZE],
          });
          // Without it, less can be read; what is to be written must have it.
          const alone: Operation = { ...set(AT_EMPTY_PATH), onError: must ? "stop" : "ignore" };
          if (!recursive) return [alone];
          // What is mounted below may be of a kind that cannot be mapped; then it is as it is.
          return [
            { ...set(AT_EMPTY_PATH | AT_RECURSIVE), onError: { goto: `${cell} alone` } },
            { call: "SET", args: [0], goto: `${cell} is mapped` },
            { ...alone, label: `${cell} alone` },
            { call: "SET", args: [0], label: `${cell} is mapped` },
          ];
        }),
      ],
    };
  }

  /** The user namespace by which files of the caller become the sandbox's user's. */
  #openIdMap(): Operation[] {
    const { facts, identity, spec } = this;
    const store = { name: "idmap attributes", offset: 24 };
    if (spec.idMap === undefined && !isCaller(identity, facts)) {
      const line = (disk: number) => [{ disk, host: UNPRIVILEGED_ID, count: 1 }];
      return openDiskMap({ uids: line(facts.uid), gids: line(facts.gid) }, store, "caller");
    }
    return [{
      call: "openat",
      args: [{ load32: "proc" }, "ns/user", O_RDONLY | O_CLOEXEC, 0],
      store,
    }];
  }
}

const IDMAP_HINTS = {
  EINVAL:
    'this filesystem has no id-mapped mounts; bind it read-only, or set idMap() or share("user")',
  EPERM: 'a mount of this kind cannot be id-mapped; bind it read-only, or share("user")',
};

/** The host's number of an id inside; without a user namespace they are the same. */
function hostId(
  { inside, count = 1 }: IdRange,
  maps: readonly IdRange[] | undefined,
  field: string,
): number {
  if (maps === undefined) return inside;
  for (const range of maps) {
    const offset = inside - range.inside;
    if (offset >= 0 && offset + count <= (range.count ?? 1)) return range.outside + offset;
  }
  throw new SpecError(
    field,
    `${
      count === 1 ? inside : `${inside}-${inside + count - 1}`
    } is not in the id map of the sandbox; see idMap()`,
  );
}

/** Where the sources stand among the descriptors of a request. */
export function firstSource(spec: SandboxSpec, firstJoin: number): number {
  return firstJoin + joinedKinds(spec).length;
}
