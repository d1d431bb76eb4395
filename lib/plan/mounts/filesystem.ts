/**
 * Plans the filesystem of a sandbox: the root, the mount list, and what the agent opens and id-maps
 * for it outside.
 *
 * @module
 */

import type { Operation } from "../../agent/operation.ts";
import { SpecError } from "../../errors.ts";
import type { DirectoryRoot, MountSpec, OverlayRoot, SandboxSpec } from "../../spec.ts";
import type { HostEntry, HostFacts, HostPiece } from "../facts.ts";
import type { LandlockRuleset } from "../landlock_steps.ts";
import { optionalParts } from "../optional_parts.ts";
import type { NewStep } from "../step.ts";
import type { MountContext } from "./parts.ts";
import { guardOf, needsGuard } from "./guard.ts";
import {
  emptyRootStep,
  hostViewStep,
  mountNamespaceStep,
  privateStep,
  sealRootStep,
} from "./root.ts";
import { Scaffold } from "./scaffold.ts";
import type { Sources } from "./sources.ts";
import { mountStep } from "./steps.ts";
import { closeWorkshop, openWorkshop } from "./workshop.ts";

/** The filesystem of one sandbox. */
export class FilesystemPlan {
  /** What is opened of the host; known once {@linkcode steps} was called. */
  readonly sources: Sources;
  /** The parts of a directory that is changed in memory only. */
  readonly #pieces?: readonly HostPiece[];

  constructor(
    readonly spec: SandboxSpec,
    readonly facts: HostFacts,
    sources: Sources,
    /** Rules of Landlock, whose paths are looked up in the finished tree. */
    readonly landlock?: LandlockRuleset,
    /** Where the launch's socket is, if the host wants to see what the sandbox changes. */
    readonly changesSocket?: number,
  ) {
    this.sources = sources;
    const { root } = spec;
    if (typeof root === "object" && "path" in root && root.ephemeral) {
      this.#pieces = uncovered(facts.hostTree(root.path), spec.mounts);
    }
  }

  /** The steps inside, up to the finished tree. */
  steps(): NewStep[] {
    const { spec, sources } = this;
    const scaffold = new Scaffold();
    let workshop = false;
    const context: MountContext = {
      scaffold,
      sources,
      useWorkshop: () => {
        workshop = true;
      },
      ...(this.changesSocket === undefined ? {} : {
        changesSocket: { load32: this.changesSocket },
      }),
      userxattr: (spec.namespaces.user ?? "shared") !== "shared",
      changesDirectory: this.facts.changesDirectory,
      freshProc: (spec.namespaces.pid ?? "shared") !== "shared",
      ownsNet: spec.namespaces.net !== "shared" && spec.namespaces.net !== undefined,
    };
    const root = this.#root(context);
    const mounts = [
      ...(this.#pieces && this.#pieces.length > 1
        ? optionalParts().roots.pieceSteps(spec.root as DirectoryRoot, this.#pieces, context)
        : []),
      ...spec.mounts.flatMap((mount, index) => [
        mountStep(mount, context, `mounts[${index}]`),
        ...this.#guard(mount, context),
      ]),
    ];
    return [
      mountNamespaceStep(),
      ...(sources.early.length > 0 ? [earlyStep(sources.early)] : []),
      privateStep(),
      ...root,
      ...(workshop ? [workshopStep(openWorkshop())] : []),
      ...mounts,
      ...(workshop ? [workshopStep(closeWorkshop())] : []),
      ...(this.landlock
        ? [optionalParts().landlock.landlockRulesStep(this.landlock, scaffold)]
        : []),
      ...(spec.root === "host" ? [sealRootStep()] : []),
    ];
  }

  /** What must follow a proc, as one step. */
  #guard(mount: MountSpec, context: MountContext): NewStep[] {
    if (!needsGuard(this.spec, this.sources.identity, this.facts)) return [];
    const steps = guardOf(mount).map((entry) =>
      mountStep(entry, { ...context, quiet: true }, "mounts")
    );
    return steps.length === 0 ? [] : [{
      phase: "mounts",
      name: "guard",
      sentence:
        `make the host's settings in "${mount.target}" read-only, and hide what tells of it`,
      paths: { dest: mount.target },
      operations: steps.flatMap(({ operations }) => operations),
    }];
  }

  #root(context: MountContext): NewStep[] {
    const { root } = this.spec;
    const { scaffold } = context;
    if (root === "empty") return [emptyRootStep()];
    if (root === "host") return [emptyRootStep(), hostViewStep(this.#hostView(), context)];
    if ("image" in root) throw new SpecError("root.image", "has to be resolved before planning");
    const pieces = this.#pieces;
    if (pieces && pieces.length > 1) return [emptyRootStep()];
    // Changes in memory are the sandbox's own, and so are mount points among them.
    const overlay = pieces ? wholeOverlay(root as DirectoryRoot) : root;
    if ("overlay" in overlay && overlay.overlay.upper === "ephemeral") scaffold.addChangeable("/");
    else scaffold.addForeign("/");
    const { directoryRootStep, overlayRootStep } = optionalParts().roots;
    return [
      "overlay" in overlay
        ? overlayRootStep(overlay, context)
        : directoryRootStep(overlay, context),
    ];
  }

  /** The minimal view of the host; name servers only where there is a network to ask them over. */
  #hostView(): readonly HostEntry[] {
    const { hostView } = this.facts;
    if (this.spec.namespaces.net !== "new") return hostView;
    return hostView.filter((entry) => entry.path !== "/etc/resolv.conf");
  }
}

/** The parts that a mount of the list does not cover anyway. */
function uncovered(pieces: readonly HostPiece[], mounts: readonly MountSpec[]): HostPiece[] {
  const covers = mounts.filter(({ kind }) => ["dev", "proc", "sysfs", "tmpfs"].includes(kind))
    .map(({ target }) => target);
  return pieces.filter(({ target }) =>
    !covers.some((place) => target === place || target.startsWith(`${place}/`))
  );
}

/** A directory in which nothing is mounted, under a layer for changes. */
function wholeOverlay({ path, size }: DirectoryRoot): OverlayRoot {
  return {
    overlay: { lower: [path], upper: "ephemeral", ...(size === undefined ? {} : { size }) },
  };
}

/** Opens what is to hear of the host's later mounts, while it still does. */
function earlyStep(operations: Operation[]): NewStep {
  return {
    phase: "mounts",
    name: "open",
    sentence: "open what later mounts of the host are to appear in",
    hints: { ENOENT: "give an existing path, or { optional: true }" },
    operations,
  };
}

/** Opens or closes the place for what is only needed on the way. */
function workshopStep(operations: Operation[]): NewStep {
  const opens = operations[0]!.call === "fsopen";
  return {
    phase: "mounts",
    name: "workshop",
    sentence: opens
      ? "make a filesystem for what is only needed on the way"
      : "let go of what was only needed on the way",
    operations,
  };
}
