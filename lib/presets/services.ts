/**
 * Presets for programs that are run for others: a browser, an entry in a contest, a server.
 *
 * @module
 */

import { resolve } from "@std/path";
import { defineHook, type PostStopContext } from "../hook.ts";
import { checkKeys } from "../known_keys.ts";
import { parseDuration } from "../quantity.ts";
import type { Preset } from "../presets.ts";
import type { DomainRule, LimitsSpec } from "../spec.ts";

/** What {@linkcode browser} may do. */
export interface BrowserOptions {
  /** Names that it may reach, by a gate. Default: none. */
  allowDomains?: readonly (string | DomainRule)[];
  /** How large its profile and its files may grow, in memory. Default: `"1G"`. */
  size?: string | number;
}

/** What a browser reads of the host beside programs and libraries, where it is there. */
const BROWSER_FILES = [
  "/etc/fonts",
  "/etc/chromium",
  "/etc/chromium.d",
  "/var/cache/fontconfig",
  "/var/lib/dbus/machine-id",
];

/**
 * A headless browser: fonts, shared memory, a profile in memory, and of the network what is listed.
 * Its own sandbox needs namespaces that are not made in a sandbox, so Chromium is started with
 * `--no-sandbox`: this one stands in its place, around all of its processes together.
 *
 * ```ts ignore
 * import { browser, sandbox } from "@paddock/paddock";
 *
 * const box = sandbox().with(browser()).bind("./site", "/site");
 * const { stdout } = await box.output([
 *   "chromium", "--headless", "--no-sandbox", "--dump-dom", "file:///site/index.html",
 * ]);
 * ```
 */
export function browser(options: BrowserOptions = {}): Preset {
  checkKeys(options, "browser", ["allowDomains", "size"]);
  const { allowDomains, size = "1G" } = options;
  return (box) => {
    const shown = BROWSER_FILES.reduce(
      (next, path) => next.bind(path, path, { optional: true }),
      box,
    );
    const open = shown.tmpfs("/tmp", { size })
      .env({
        HOME: "/tmp",
        XDG_RUNTIME_DIR: "/tmp",
        XDG_CONFIG_HOME: "/tmp",
        XDG_CACHE_HOME: "/tmp",
      })
      .rlimit("core", 0);
    return allowDomains === undefined ? open : open.network({ allowDomains: [...allowDomains] });
  };
}

/** What {@linkcode judge} allows. */
export interface JudgeOptions {
  /** The file of the host that says how it ended, in the words of isolate's `--meta`. Default: none. */
  meta?: string;
  /** Time on the processors, in whole seconds. Default: `"2s"`. */
  time?: string | number;
  /** Time by the clock on the wall. Default: five times `time`. */
  wallTime?: string | number;
  /** Memory of all together. Default: `"256M"`. */
  memory?: string | number;
  /** Processes and threads. Default: 1, or what `processes` says. */
  processes?: number;
  /** How large a file may grow that it writes, in bytes. Default: 64 MiB. */
  fileSize?: number;
}

/** What is known when it has ended. */
type Ended = Pick<PostStopContext, "status" | "usage" | "oomKilled" | "timedOut">;

/** The file of isolate(1)'s `--meta`; `cpuLimit` is in milliseconds. */
export function metaText({ status, usage, oomKilled, timedOut }: Ended, cpuLimit: number): string {
  const { code, signal } = status;
  const cpu = usage.user + usage.system;
  // SIGXCPU at the soft limit, SIGKILL at the hard one: both say that its time was over.
  const late = timedOut || signal === "SIGXCPU" || (cpu >= cpuLimit && signal === "SIGKILL");
  const lines = [
    `time:${(cpu / 1000).toFixed(3)}`,
    `time-wall:${(usage.wall / 1000).toFixed(3)}`,
    `max-rss:${Math.round(usage.maxRss / 1024)}`,
  ];
  if (usage.memoryPeak !== undefined) lines.push(`cg-mem:${Math.round(usage.memoryPeak / 1024)}`);
  if (oomKilled) lines.push("cg-oom-killed:1");
  if (signal !== null) lines.push(`exitsig:${code - 128}`, "killed:1");
  else lines.push(`exitcode:${code}`);
  if (late) {
    lines.push("status:TO", `message:Time limit exceeded${timedOut ? " (wall clock)" : ""}`);
  } else if (oomKilled || signal !== null) {
    lines.push(
      "status:SG",
      `message:${oomKilled ? "Out of memory" : `Caught fatal signal ${code - 128}`}`,
    );
  } else if (code !== 0) lines.push("status:RE", `message:Exited with error status ${code}`);
  return `${lines.join("\n")}\n`;
}

/**
 * An entry in a contest: limits on time, memory, processes and files, no network, and a file that
 * says how it ended, as judges that use isolate(1) read it. The limits on memory and processes are a
 * cgroup's, see `limits()`.
 *
 * ```ts ignore
 * import { judge, sandbox } from "@paddock/paddock";
 *
 * const box = sandbox().with(judge({ time: "1s", memory: "64M", meta: "meta.txt" }))
 *   .bind("./solution", "/solution");
 * await box.output(["/solution"], { stdin: { file: "input.txt" } });
 * ```
 */
export function judge(options: JudgeOptions = {}): Preset {
  checkKeys(options, "judge", ["meta", "time", "wallTime", "memory", "processes", "fileSize"]);
  const { meta, time = "2s", memory = "256M", processes = 1, fileSize = 64 << 20 } = options;
  const cpu = parseDuration(time, "judge.time");
  const wall = options.wallTime ?? 5 * cpu;
  const seconds = Math.max(1, Math.ceil(cpu / 1000));
  const file = meta === undefined ? undefined : resolve(Deno.cwd(), meta);
  const plugin = defineHook({
    name: "judge",
    postStop(ended) {
      if (file !== undefined) Deno.writeTextFileSync(file, metaText(ended, cpu));
      ended.report({ meta: metaText(ended, cpu) });
    },
  });
  return (box) =>
    box.limits({ memory, swap: 0, pids: processes })
      .rlimit("cpu", { soft: seconds, hard: seconds + 1 })
      .rlimit("fsize", fileSize).rlimit("core", 0).rlimit("nofile", 64)
      .tmpfs("/tmp", { size: memory })
      .network("none").timeout(wall).use(plugin);
}

/** How {@linkcode service} is run. */
export interface ServiceOptions {
  /** Ports of the host that lead in: `[IP:]HOST:BOX[/udp]`. */
  publish: readonly string[];
  /** Names that it may reach itself, by a gate. Default: none. */
  allowDomains?: readonly (string | DomainRule)[];
  /** Directories of the host that it may write, by their places inside. Default: none. */
  data?: Readonly<Record<string, string>>;
  /** What all of it may use. Default: 512 MiB, 256 processes. */
  limits?: LimitsSpec;
}

/**
 * A server: its ports are open on the host, it reaches nothing by itself but what is listed, it
 * writes to the directories that it is given and to memory, and it has limits, see `limits()`.
 *
 * ```ts ignore
 * import { sandbox, service } from "@paddock/paddock";
 *
 * const box = sandbox().with(service({ publish: ["8080:80"], data: { "/data": "./data" } }));
 * await using server = await box.spawn(["python3", "-m", "http.server", "80"]);
 * ```
 */
export function service(options: ServiceOptions): Preset {
  checkKeys(options, "service", ["publish", "allowDomains", "data", "limits"]);
  const { publish, allowDomains, data = {}, limits = { memory: "512M", pids: 256 } } = options;
  const gate = allowDomains === undefined ? {} : { allowDomains: [...allowDomains] };
  return (box) =>
    Object.entries(data).reduce(
      (next, [target, source]) => next.bind(source, target, { writable: true }),
      box.network({ mode: "none", publish: [...publish], ...gate }).limits(limits),
    );
}
