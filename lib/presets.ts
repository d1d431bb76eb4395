/**
 * Policies for one's own machine, as plain functions for {@linkcode Sandbox.with}.
 *
 * @module
 */

import { resolve } from "@std/path";
import { SpecError } from "./errors.ts";
import { defineHook } from "./hook.ts";
import { checkKeys } from "./known_keys.ts";
import type { Sandbox } from "./sandbox.ts";
import type { MountSpec } from "./spec.ts";

/** A function from a sandbox to a sandbox. */
export type Preset = (box: Sandbox) => Sandbox;

/**
 * Where programs keep what lets one in elsewhere: below the home directory, and what the host keeps
 * for root alone, which a sandbox started by root could read.
 */
export const SECRETS: readonly string[] = [
  "/etc/gshadow",
  "/etc/gshadow-",
  "/etc/shadow",
  "/etc/shadow-",
  "/etc/ssh/ssh_host_ecdsa_key",
  "/etc/ssh/ssh_host_ed25519_key",
  "/etc/ssh/ssh_host_rsa_key",
  "/etc/ssl/private",
  "/etc/sudoers",
  "/etc/sudoers.d",
  ".aws",
  ".azure",
  ".config/gcloud",
  ".config/gh",
  ".docker/config.json",
  ".git-credentials",
  ".gnupg",
  ".kube",
  ".local/share/keyrings",
  ".netrc",
  ".npmrc",
  ".password-store",
  ".pypirc",
  ".ssh",
];

/** What the presets hide. */
export interface HideOptions {
  /**
   * Paths that are hidden where they exist; relative ones start at the caller's home directory.
   * Default: {@linkcode SECRETS}.
   */
  hide?: readonly string[];
}

/** Hides what is there. */
function hiding(paths: readonly string[]): Preset {
  const home = Deno.env.get("HOME");
  if (!home?.startsWith("/") && paths.some((path) => !path.startsWith("/"))) {
    throw new SpecError(
      "hide",
      "secrets lie below the home directory, and HOME does not say where that is; set it",
    );
  }
  return (box) =>
    paths.reduce(
      (next, path) =>
        next.mount({ kind: "mask", target: resolve(home ?? "/", path), optional: true }),
      box,
    );
}

/**
 * The whole host, read-only: all its files that the caller may read, but for usual places of
 * secrets, with `/proc`, `/dev`, `/tmp` and `/run` of the sandbox's own. Sockets that lie elsewhere
 * than in `/run` and `/tmp` can be connected to: hide them.
 *
 * ```ts
 * import { readOnlyHost, sandbox } from "@paddock/paddock";
 *
 * const { stdout } = await sandbox().with(readOnlyHost()).output(["sh", "-c", "touch /srv/x 2>&1"]);
 * console.log(new TextDecoder().decode(stdout)); // touch: ... Read-only file system
 * ```
 */
export function readOnlyHost(options: HideOptions = {}): Preset {
  checkKeys(options, "readOnlyHost", ["hide"]);
  const { hide = SECRETS } = options;
  return (box) => box.root("/").with(hiding(hide));
}

/** How {@linkcode scratch} works. */
export interface ScratchOptions extends HideOptions {
  /** How large the changes may grow, e.g. `"1G"` or bytes. Default: half of the memory. */
  size?: string | number;
}

/**
 * A copy of the host to be thrown away: what the caller may change can be changed, in memory, and is
 * gone with the sandbox. Nothing of the host is written. Run by an ordinary user that is what lies in
 * the home directory and in the working directory; elsewhere the kernel cannot copy the directories
 * above a file, which belong to others ("value too large").
 *
 * ```ts
 * import { sandbox, scratch } from "@paddock/paddock";
 *
 * const box = sandbox().with(scratch({ size: "256M" })).cwd("/opt");
 * await box.output(["sh", "-c", "rm -rf *"]); // harmless
 * ```
 */
export function scratch(options: ScratchOptions = {}): Preset {
  checkKeys(options, "scratch", ["hide", "size"]);
  const { hide = SECRETS, size } = options;
  return (box) =>
    box.root("/", { ephemeral: true, ...(size === undefined ? {} : { size }) })
      .with(hiding(hide));
}

/** How {@linkcode workspace} shows its directory. */
export interface WorkspacePresetOptions extends HideOptions {
  /** Paths in the directory that stay read-only. They must exist. */
  protect?: readonly string[];
}

/**
 * The host read-only, as {@linkcode readOnlyHost}, and one directory to work in, which is the
 * working directory unless there is one. What begins with a dot in it stays as it is, for it may be
 * executed by the caller's next `git`, editor or shell: `.git/hooks`, `.vscode`, `.envrc`; so does
 * what links of such names lead to. If the command makes something new of that kind, the result's `hookErrors` name it.
 *
 * ```ts
 * import { sandbox, workspace } from "@paddock/paddock";
 *
 * const folder = await Deno.makeTempDir(); // yours would be "."
 * await Deno.mkdir(`${folder}/.git`);
 * const box = sandbox().with(workspace(folder));
 * await box.output(["sh", "-c", "touch built; touch .git/no"]);
 * console.log(Array.from(Deno.readDirSync(folder), (entry) => entry.name)); // .git, built
 * ```
 */
export function workspace(directory: string, options: WorkspacePresetOptions = {}): Preset {
  checkKeys(options, "workspace", ["hide", "protect"]);
  const { protect = [], hide = SECRETS } = options;
  for (const path of protect) {
    if (path === "" || path.startsWith("/") || path.split("/").includes("..")) {
      throw new SpecError("workspace.protect", `"${path}" must be a path inside of the directory`);
    }
  }
  // A link cannot be covered, only what it leads to; so it is looked at again afterwards.
  const links = new Map<string, DotEntry>();
  const path = resolve(Deno.cwd(), directory);
  const plugin = defineHook({
    name: `workspace ${path}`,
    configure(spec) {
      const dots = dotEntries(path);
      for (const entry of dots) if (entry.link !== undefined) links.set(entry.name, entry);
      const kept = dots.filter(({ link, leads }) => link === undefined || leads === "inside")
        .map(({ name }): MountSpec => ({ kind: "readonly", target: `${path}/${name}` }));
      const at = spec.mounts.findIndex(({ kind, target }) => kind === "bind" && target === path);
      return { ...spec, mounts: spec.mounts.toSpliced(at + 1, 0, ...kept) };
    },
    postStop({ spec }) {
      const kept = new Set(spec.mounts.map(({ target }) => target));
      const made = dotEntries(path).filter(({ name, link, leads }) => {
        if (link === undefined) return !kept.has(`${path}/${name}`);
        const before = links.get(name);
        return before?.link !== link || (before.leads === "nowhere" && leads !== "nowhere");
      }).map(({ name }) => name);
      if (made.length === 0) return;
      throw new Error(
        `the command made ${
          made.join(", ")
        } in "${path}"; look at it before anything of yours uses it`,
      );
    },
  });
  return (box) => {
    // Secrets last: the directory may be the home directory, or above it.
    const open = box.root("/").bind(path, path, { writable: true })
      .readonly(...protect.map((name) => `${path}/${name}`)).with(hiding(hide)).use(plugin);
    return open.spec.cwd === undefined ? open.cwd(path) : open;
  };
}

/** What begins with a dot in a directory. */
interface DotEntry {
  readonly name: string;
  /** What it says, if it is a link. */
  readonly link?: string;
  /** Where that is: of what is outside, the root is read-only already. */
  readonly leads?: "inside" | "outside" | "nowhere";
}

function dotEntries(path: string): DotEntry[] {
  return [...Deno.readDirSync(path)].filter(({ name }) => name.startsWith("."))
    .map(({ name, isSymlink }) => ({
      name,
      ...(isSymlink
        ? { link: Deno.readLinkSync(`${path}/${name}`), leads: leadsTo(`${path}/${name}`, path) }
        : {}),
    })).sort((a, b) => a.name < b.name ? -1 : 1);
}

function leadsTo(link: string, directory: string): DotEntry["leads"] {
  try {
    const inside = Deno.realPathSync(link).startsWith(`${Deno.realPathSync(directory)}/`);
    return inside ? "inside" : "outside";
  } catch {
    return "nowhere";
  }
}
