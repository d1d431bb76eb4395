/**
 * Plans the filesystem of a sandbox: the root, the mount list, and what the agent opens and id-maps
 * for it outside.
 *
 * @module
 */

import type { Operation } from "../../agent/operation.ts";
import type { SandboxSpec } from "../../spec.ts";
import { AT_EMPTY_PATH, O_CLOEXEC, O_RDONLY } from "../../sys/abi/fcntl.ts";
import { MOUNT_ATTR_IDMAP } from "../../sys/abi/mount.ts";
import type { HostEntry, HostFacts } from "../facts.ts";
import { openDiskMap } from "../id_map_steps.ts";
import { type Identity, UNPRIVILEGED_ID } from "../identity.ts";
import { type LandlockRuleset, landlockRulesStep } from "../landlock_steps.ts";
import type { NewStep } from "../step.ts";
import { MOUNT_ATTR_SIZE } from "../structs.ts";
import { type MountContext, openTree, type Source } from "./parts.ts";
import {
  directoryRootStep,
  emptyRootStep,
  hostViewStep,
  overlayRootStep,
  privateStep,
  sealRootStep,
} from "./root.ts";
import { Scaffold } from "./scaffold.ts";
import { mountStep } from "./steps.ts";

/** Whether the command has the caller's own numbers, so that its map is the files' map too. */
export function isCaller({ user }: Identity, facts: HostFacts): boolean {
  return user.uid === facts.uid && user.gid === facts.gid;
}

/** The filesystem of one sandbox. */
export class FilesystemPlan {
  /** What the agent opens before it clones; known once {@linkcode steps} was called. */
  readonly outside: NewStep[] = [];
  readonly #scaffold = new Scaffold();
  /** What can be written must be id-mapped; the rest is where the filesystem can. */
  readonly #idmapped: { cell: string; must: boolean }[] = [];
  #trees = 0;

  constructor(
    readonly spec: SandboxSpec,
    readonly facts: HostFacts,
    readonly identity: Identity,
    readonly choices: {
      /** Mounts whose source was opened and handed in: the index in the list to the descriptor. */
      readonly adoptedFds?: ReadonlyMap<number, number>;
      /** Rules of Landlock, whose paths are looked up in the finished tree. */
      readonly landlock?: LandlockRuleset;
    },
  ) {}

  /** Root's sandbox has lost root's rights by the time it mounts, so sources are opened before. */
  get #opensOutside(): boolean {
    return this.spec.namespaces.user === "new" && this.facts.uid === 0;
  }

  /** The steps inside, up to the finished tree. */
  steps(): NewStep[] {
    const { spec } = this;
    const scaffold = this.#scaffold;
    const steps: NewStep[] = [privateStep()];
    const context: MountContext = {
      scaffold,
      open: (source, field, cell) => this.#open(source, field, cell),
      opensOutside: this.#opensOutside,
      userxattr: (spec.namespaces.user ?? "shared") !== "shared",
      freshProc: spec.namespaces.pid === "new",
    };
    if (typeof spec.root === "object") {
      steps.push(
        "overlay" in spec.root
          ? overlayRootStep(spec.root, context)
          : directoryRootStep(spec.root, context),
      );
      // Changes in memory are the sandbox's own, and so are mount points among them.
      if ("overlay" in spec.root && spec.root.overlay.upper === "ephemeral") {
        scaffold.addChangeable("/");
      } else scaffold.addForeign("/");
    } else {
      steps.push(emptyRootStep());
      if (spec.root === "host") steps.push(hostViewStep(this.#hostView(), context));
    }
    spec.mounts.forEach((mount, index) => {
      steps.push(mountStep(mount, context, `mounts[${index}]`));
    });
    const { landlock } = this.choices;
    if (landlock) steps.push(landlockRulesStep(landlock, scaffold));
    if (spec.root === "host") steps.push(sealRootStep());
    return steps;
  }

  /** The minimal view of the host; name servers only where there is a network to ask them over. */
  #hostView(): readonly HostEntry[] {
    const { hostView } = this.facts;
    if (this.spec.namespaces.net !== "new") return hostView;
    return hostView.filter((entry) => entry.path !== "/etc/resolv.conf");
  }

  #open(source: Source, field: string, cell: string): Operation {
    const { path, dest, recursive, writable } = source;
    const index = /^mounts\[(\d+)\]$/.exec(field)?.[1];
    const adopted = index === undefined ? undefined : this.choices.adoptedFds?.get(Number(index));
    if (adopted !== undefined) return { call: "SET", args: [adopted], store: cell };
    if (!this.#opensOutside) return openTree(path, cell, recursive);
    const tree = `tree ${this.#trees++}`;
    this.outside.push({
      phase: "outside",
      name: "open",
      sentence: `open "${path}" on the host`,
      paths: { path, dest },
      hints: { ENOENT: "give an existing path, or { optional: true }" },
      operations: [openTree(path, tree, recursive)],
    });
    this.#idmapped.push({ cell: tree, must: writable });
    return { call: "SET", args: [{ load32: tree }], store: cell };
  }

  /** Lets the files of what was opened appear as the sandbox's user's. Done from outside. */
  idmapStep(): NewStep | undefined {
    if (this.#idmapped.length === 0) return undefined;
    return {
      phase: "maps",
      name: "idmap",
      sentence: "let files of the caller appear as the sandbox's user's",
      hints: {
        EINVAL:
          'this filesystem has no id-mapped mounts; bind it read-only, or set idMap() or share("user")',
        EPERM: 'a mount of this kind cannot be id-mapped; bind it read-only, or share("user")',
      },
      operations: [
        ...this.#openIdMap(),
        { call: "SET", args: [MOUNT_ATTR_IDMAP], store: { name: "idmap attributes", offset: 0 } },
        ...this.#idmapped.map(({ cell, must }): Operation => ({
          call: "mount_setattr",
          args: [
            { load32: cell },
            "",
            AT_EMPTY_PATH,
            { at: "idmap attributes" },
            MOUNT_ATTR_SIZE,
          ],
          // Without it, less can be read; what is to be written must have it.
          onError: must ? "stop" : "ignore",
        })),
      ],
    };
  }

  /** The user namespace by which files of the caller become the sandbox's user's. */
  #openIdMap(): Operation[] {
    const { facts, identity, spec } = this;
    const store = { name: "idmap attributes", offset: 24 };
    if (spec.idMap === undefined && !isCaller(identity, facts)) {
      return openDiskMap(facts, { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID }, store);
    }
    return [{
      call: "openat",
      args: [{ load32: "proc" }, "ns/user", O_RDONLY | O_CLOEXEC, 0],
      store,
    }];
  }
}
