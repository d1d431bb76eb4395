/**
 * Presets for work on a project: an agent's shell, a build, a test run.
 *
 * @module
 */

import { resolve } from "@std/path";
import { SpecError } from "../errors.ts";
import { defineHook } from "../hook.ts";
import { checkKeys } from "../known_keys.ts";
import { parseDuration } from "../quantity.ts";
import { type Preset, readOnlyHost, workspace, type WorkspacePresetOptions } from "../presets.ts";
import type { DomainRule } from "../spec.ts";

/** How {@linkcode agent} lets its program work. */
export interface AgentOptions extends WorkspacePresetOptions {
  /** Names that it may reach, by a gate: `api.example.com`, `*.npmjs.org`. Default: none. */
  allowDomains?: readonly (string | DomainRule)[];
}

/**
 * The shell of a program that writes code by itself: the project can be written, but for what begins
 * with a dot in it; the rest of the host is read-only, secrets are hidden, and of the network there
 * is what is listed. See {@linkcode workspace}.
 *
 * ```ts
 * import { agent, sandbox } from "@paddock/paddock";
 *
 * const project = await Deno.makeTempDir(); // yours would be "."
 * const box = sandbox().with(agent(project, { allowDomains: ["api.example.com"] }));
 * await box.output(["sh", "-c", "echo done >result"]);
 * console.log(await Deno.readTextFile(`${project}/result`)); // done
 * ```
 */
export function agent(directory: string, options: AgentOptions = {}): Preset {
  checkKeys(options, "agent", ["allowDomains", "hide", "protect"]);
  const { allowDomains = [], ...rest } = options;
  const shown = workspace(directory, rest);
  return (box) => box.with(shown).network({ allowDomains: [...allowDomains] }).rlimit("core", 0);
}

/** How {@linkcode build} works. */
export interface BuildOptions {
  /**
   * Directories that are kept from one build to the next, such as `~/.cache/ccache`: they can be
   * written, and are made where they are missing. `~` is the home directory. Default: none.
   */
  caches?: readonly string[];
  /** Paths that are hidden where they exist, as {@linkcode readOnlyHost} has them. */
  hide?: readonly string[];
}

/** An absolute path; `~` is the home directory. */
function placeOf(path: string, field: string): string {
  if (path !== "~" && !path.startsWith("~/")) return resolve(Deno.cwd(), path);
  const home = Deno.env.get("HOME");
  if (!home?.startsWith("/")) {
    throw new SpecError(
      field,
      `HOME does not say where "${path}" is; set it, or give the whole path`,
    );
  }
  return `${home}${path.slice(1)}`;
}

/**
 * A build: the project and its caches can be written, the rest of the host is read-only, there is no
 * network, and files come out with the usual modes. What it makes in the project stays.
 *
 * ```ts
 * import { build, sandbox } from "@paddock/paddock";
 *
 * const project = await Deno.makeTempDir(); // yours would be "."
 * await Deno.writeTextFile(`${project}/hello.sh`, "echo hello");
 * await sandbox().with(build(project)).output(["sh", "-c", "sh hello.sh >built"]);
 * console.log(await Deno.readTextFile(`${project}/built`)); // hello
 * ```
 */
export function build(directory: string, options: BuildOptions = {}): Preset {
  checkKeys(options, "build", ["caches", "hide"]);
  const { caches = [], hide } = options;
  const path = resolve(Deno.cwd(), directory);
  const kept = caches.map((cache) => placeOf(cache, "build.caches"));
  const plugin = defineHook({
    name: `build ${path}`,
    configure() {
      for (const cache of kept) Deno.mkdirSync(cache, { recursive: true });
    },
  });
  return (box) => {
    const shown = box.with(readOnlyHost(hide === undefined ? {} : { hide }))
      .bind(path, path, { writable: true });
    const open = kept.reduce((next, cache) => next.bind(cache, cache, { writable: true }), shown)
      .umask("022").network("none").rlimit("core", 0);
    return (caches.length === 0 ? open : open.use(plugin)).cwd(open.spec.cwd ?? path);
  };
}

/** How {@linkcode test} works. */
export interface TestOptions {
  /** The time since boot, and the monotonic clock, at the start. Default: `"1h"`. */
  uptime?: string;
  /**
   * How large what the tests write may grow, in the project and in `/tmp`. Before Linux 6.6 an error.
   * Default: half of the memory, for each.
   */
  size?: string | number;
  /** Paths that are hidden where they exist, as {@linkcode readOnlyHost} has them. */
  hide?: readonly string[];
}

/** Seconds since 1970 that archives can hold: the first of January of 1980. */
const EPOCH = "315532800";

/**
 * A test run, the same each time: no network, the time zone UTC, the locale C, a clock that starts
 * at a given uptime, `SOURCE_DATE_EPOCH`, and a copy of the project that is gone afterwards.
 *
 * ```ts
 * import { sandbox, test } from "@paddock/paddock";
 *
 * const project = await Deno.makeTempDir(); // yours would be "."
 * const { stdout } = await sandbox().with(test(project))
 *   .output(["sh", "-c", "echo >made; cut -c1-3 /proc/uptime; date +%Z"]);
 * console.log(new TextDecoder().decode(stdout)); // 360 UTC
 * console.log([...Deno.readDirSync(project)].length); // 0
 * ```
 */
export function test(directory: string, options: TestOptions = {}): Preset {
  checkKeys(options, "test", ["uptime", "size", "hide"]);
  const { uptime = "1h", size, hide } = options;
  const path = resolve(Deno.cwd(), directory);
  const plugin = defineHook({
    name: `test ${path}`,
    configure(spec) {
      // The offset that makes of the uptime of now the one that is wanted.
      const now = 1000 * Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]);
      const wanted = parseDuration(uptime, "test.uptime");
      const offset = Math.round(wanted - now);
      return {
        ...spec,
        namespaces: { ...spec.namespaces, time: "new" },
        timeOffsets: { monotonic: offset, boottime: offset },
      };
    },
  });
  parseDuration(uptime, "test.uptime");
  const limit = size === undefined ? {} : { size };
  return (box) => {
    const open = box.with(readOnlyHost(hide === undefined ? {} : { hide }))
      .tmpfs("/tmp", limit)
      .overlay(path, { lower: [path], upper: "ephemeral", ...limit })
      .env({
        TZ: "UTC",
        LANG: "C.UTF-8",
        LC_ALL: "C.UTF-8",
        SOURCE_DATE_EPOCH: EPOCH,
      })
      .umask("022").network("none").rlimit("core", 0).use(plugin);
    return open.cwd(open.spec.cwd ?? path);
  };
}
