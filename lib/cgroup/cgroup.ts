/**
 * A sandbox's cgroup by its directories: statistics, freezing, killing, changing. It can be made
 * again from the directories at any time, also by another program.
 *
 * @module
 */

import { EPOLLIN, EPOLLPRI } from "../sys/abi/poll.ts";
import { reactor } from "../agent/reactor.ts";
import { SandboxError, UnsupportedError } from "../errors.ts";
import type { Cgroup, CgroupStatistics, Pressure } from "../hook/cgroup.ts";
import type { CgroupLayout } from "../plan/cgroup_layout.ts";
import { cgroupSettings } from "../plan/cgroup_settings.ts";
import { checkLimits } from "../plan/check_limits.ts";
import type { LimitsSpec } from "../spec.ts";
import { AT_FDCWD, O_CLOEXEC, O_NONBLOCK, O_RDONLY } from "../sys/abi/fcntl.ts";
import { check, cString, syscall } from "../sys/libc.ts";
import { processesIn, readText } from "./hierarchies.ts";
import {
  type CgroupDirectories,
  readOomKills,
  readPressure,
  readStatistics,
} from "./statistics.ts";

/** How long it is waited until everything stands still, in milliseconds. */
const FREEZE_PATIENCE = 5000;

function write(path: string, value: string): void {
  try {
    Deno.writeTextFileSync(path, value, { create: false });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SandboxError(`writing "${value}" to "${path}" failed: ${why}`, { cause });
  }
}

/** The cgroup in these directories, one for each place of the layout. */
export class SandboxCgroup implements Cgroup, CgroupDirectories {
  readonly layout: CgroupLayout;
  readonly paths: readonly string[];
  readonly #supervisors: number;
  readonly #watchers = new Set<Disposable>();

  /** `supervisors` processes in it are Paddock's own. */
  constructor(layout: CgroupLayout, paths: readonly string[], supervisors: number) {
    this.layout = layout;
    this.paths = paths;
    this.#supervisors = supervisors;
  }

  get path(): string {
    return this.paths[0]!;
  }

  get #unified(): string | undefined {
    return this.layout[0]?.version === 2 ? this.paths[0] : undefined;
  }

  get #freezer(): string | undefined {
    const index = this.layout.findIndex(({ version, controllers }) =>
      version === 1 && controllers.includes("freezer")
    );
    return this.paths[index];
  }

  statistics(): CgroupStatistics {
    return readStatistics(this);
  }

  pressure(resource: "cpu" | "memory" | "io"): Pressure | undefined {
    return readPressure(this, resource);
  }

  processes(): number[] {
    return processesIn(this.path);
  }

  async #freeze(on: boolean): Promise<void> {
    const unified = this.#unified, freezer = this.#freezer;
    const stands = unified !== undefined
      ? () => /^frozen 1$/m.test(readText(`${unified}/cgroup.events`) ?? "")
      : () => readText(`${freezer}/freezer.state`)?.trim() === "FROZEN";
    if (unified !== undefined) write(`${unified}/cgroup.freeze`, on ? "1" : "0");
    else if (freezer !== undefined) {
      write(`${freezer}/freezer.state`, on ? "FROZEN" : "THAWED");
    } else {
      throw new UnsupportedError(
        "freezing",
        "neither cgroup v2 nor v1's freezer can be used here; mount one of them writable",
      );
    }
    const end = performance.now() + FREEZE_PATIENCE;
    for (let pause = 0; stands() !== on; pause = Math.min(pause + 1, 20)) {
      if (performance.now() > end) {
        throw new SandboxError(
          `${on ? "Freezing" : "Thawing"} "${this.path}" took longer than ${FREEZE_PATIENCE} ms`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  freeze(): Promise<void> {
    return this.#freeze(true);
  }

  thaw(): Promise<void> {
    return this.#freeze(false);
  }

  kill(): void {
    const unified = this.#unified;
    if (unified !== undefined) return write(`${unified}/cgroup.kill`, "1");
    // Several times, for they may fork meanwhile; the supervisor's end is that of them all.
    for (let round = 0; round < 10; round++) {
      const pids = this.processes();
      if (pids.length === 0) break;
      for (const pid of pids) {
        try {
          Deno.kill(pid, "SIGKILL");
        } catch { /* it has ended */ }
      }
    }
    this.letDie();
  }

  /** Lets go on what only version 1 has frozen, for such a process does not even die. */
  letDie(): void {
    const freezer = this.#freezer;
    if (freezer === undefined || this.#unified !== undefined) return;
    try {
      write(`${freezer}/freezer.state`, "THAWED");
    } catch { /* it is gone, and who was in it */ }
  }

  update(limits: Omit<LimitsSpec, "parent">): void {
    checkLimits(limits);
    const settings = cgroupSettings(limits, this.layout, this.#supervisors);
    const file = ({ place, file }: typeof settings[number]) => `${this.paths[place]}/${file}`;
    for (const setting of settings) {
      if (setting.optional && readText(file(setting)) === undefined) continue;
      try {
        write(file(setting), setting.value);
      } catch (error) {
        // Of version 1's two limits the one that is raised goes first: memory is within memory and swap.
        const total = settings.find((other) => other.file === "memory.memsw.limit_in_bytes");
        if (setting.file !== "memory.limit_in_bytes" || total === undefined) throw error;
        write(file(total), total.value);
        write(file(setting), setting.value);
      }
    }
  }

  onOom(listener: (oomKills: number) => void): Disposable {
    const place = this.layout.findIndex(({ controllers }) => controllers.includes("memory"));
    if (place === -1) {
      throw new UnsupportedError("watching for the end of memory", "limit the memory");
    }
    let seen = readOomKills(this);
    const look = () => {
      const now = readOomKills(this);
      if (now > seen) listener(seen = now);
    };
    const path = this.paths[place]!;
    const open = (file: string) =>
      check(
        syscall("openat", AT_FDCWD, cString(`${path}/${file}`), O_RDONLY | O_CLOEXEC, 0),
        "openat",
        { path: `${path}/${file}` },
      );
    if (this.layout[place]!.version === 2) {
      // The kernel tells of every change, by POLLPRI, and until the next read.
      const fd = open("memory.events");
      const drain = new Uint8Array(4096);
      syscall("pread64", fd, drain, drain.length, 0);
      const watcher = this.#watcher(fd);
      reactor().watch(fd, EPOLLPRI, () => {
        // ENODEV: the cgroup is gone, which would be told for ever.
        if (syscall("pread64", fd, drain, drain.length, 0) < 0) watcher[Symbol.dispose]();
        else look();
      });
      return watcher;
    }
    const event = check(syscall("eventfd2", 0, O_CLOEXEC | O_NONBLOCK), "eventfd2");
    const control = open("memory.oom_control");
    try {
      write(`${path}/cgroup.event_control`, `${event} ${control}`);
    } finally {
      syscall("close", control);
    }
    const count = new Uint8Array(8);
    let later: ReturnType<typeof setTimeout> | undefined;
    reactor().watch(event, EPOLLIN, () => {
      syscall("read", event, count, 8);
      // It tells of the want before somebody is killed for it.
      look();
      clearTimeout(later);
      later = setTimeout(look, 50);
    });
    return this.#watcher(event, () => clearTimeout(later));
  }

  #watcher(fd: number, also?: () => void): Disposable {
    const watchers = this.#watchers;
    const watcher = {
      [Symbol.dispose]() {
        if (!watchers.delete(watcher)) return;
        reactor().unwatch(fd);
        syscall("close", fd);
        also?.();
      },
    };
    watchers.add(watcher);
    return watcher;
  }

  /** Ends everything that watches it. */
  close(): void {
    for (const watcher of this.#watchers) watcher[Symbol.dispose]();
  }
}
