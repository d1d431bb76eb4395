/**
 * The options of `paddock run` about what is in the sandbox's filesystem.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import { parseMode } from "../../quantity.ts";
import type { ProcMount } from "../../spec.ts";
import type { Option } from "../options.ts";
import type { RunRequest } from "../run_request.ts";
import {
  bindValue,
  filesystemValue,
  insidePath,
  overlayValue,
  pair,
  placeValue,
  rootValue,
  wholeValue,
} from "../values.ts";

const FILES = "Filesystem (in the order given)";

const cwd = () => Deno.cwd();

/** The same options, with numbers where these keys have some. */
function numbers<Key extends string, Numeric extends Key>(
  options: { [key in Key]?: string },
  ...keys: Numeric[]
): { [key in Exclude<Key, Numeric>]?: string } & { [key in Numeric]?: number } {
  return Object.fromEntries(
    Object.entries(options).map(([key, text]) => [
      key,
      keys.includes(key as Numeric) ? wholeValue(text as string, key) : text,
    ]),
  ) as { [key in Exclude<Key, Numeric>]?: string } & { [key in Numeric]?: number };
}

/** The options. */
export const FILESYSTEM_OPTIONS: readonly Option<RunRequest>[] = [
  {
    name: "root",
    value: "host|empty|DIR|IMAGE",
    group: FILES,
    help:
      "what / is: a minimal view of the host (default), nothing, a directory (read-only), an image",
    apply: (run, value) => run.box = run.box.root(rootValue(value)),
  },
  {
    name: "overlay-root",
    group: FILES,
    help: "let the command change the root, in memory only; an image's root is always so",
    apply: (run) => run.overlayRoot = true,
  },
  {
    name: "save-diff",
    value: "FILE",
    group: FILES,
    help: "when the command has ended, save what it changed as a layer, a tar archive",
    apply: (run, value) => {
      if (value === "") throw new SpecError("value", "is empty; give a file");
      run.saveDiff = value;
    },
  },
  {
    name: "apply",
    group: FILES,
    help: "when the command has succeeded, do to the root's directory what it changed",
    apply: (run) => run.applyChanges = true,
  },
  {
    name: "commit",
    value: "NAME",
    group: FILES,
    help: "when the command has succeeded, make an image of the root and of what it changed",
    apply: (run, value) => {
      if (value === "") throw new SpecError("value", "is empty; give a name");
      run.commit = value;
    },
  },
  {
    name: "preset",
    value: "NAME[=WHAT]",
    choices: [
      ...["read-only-host", "scratch", "browser", "workspace=", "agent=", "build=", "test="],
      ...["judge=", "service="],
    ],
    group: FILES,
    help:
      "read-only-host, scratch, workspace=DIR, agent=DIR, build=DIR, test=DIR, browser, judge=META, service=PORTS",
    // Done before all others, which come on top of it.
    apply: () => {},
  },
  {
    name: "bind",
    short: "b",
    value: "SRC[:DST][:rw]",
    group: FILES,
    help:
      "show a file or directory of the host; read-only, but for :rw; also dev, suid, noexec, slave ..",
    apply: (run, value) => {
      const { source, target, options } = bindValue(value, cwd);
      run.box = run.box.bind(source, target, options);
    },
  },
  {
    name: "bind-try",
    value: "SRC[:DST][:rw]",
    group: FILES,
    help: "the same, and left out if SRC is not there",
    apply: (run, value) => {
      const { source, target, options } = bindValue(value, cwd);
      run.box = run.box.bind(source, target, { ...options, optional: true });
    },
  },
  {
    name: "overlay",
    value: "DST:lower=DIR[,lower=DIR][,upper=DIR|ephemeral]",
    group: FILES,
    help: "stack directories, the topmost first; changes go to upper, without it there are none",
    apply: (run, value) => {
      const { target, layers } = overlayValue(value);
      run.box = run.box.overlay(target, layers);
    },
  },
  {
    name: "tmpfs",
    value: "DST[:size=..,mode=..]",
    group: FILES,
    help:
      "an empty filesystem in memory, e.g. /work:size=64M,mode=0755; uid, gid, inodes, noexec=1",
    apply: (run, value) => {
      const { target, options } = placeValue(value, [
        ...["size", "mode", "uid", "gid", "inodes", "noexec"] as const,
      ]);
      const { noexec, ...rest } = options;
      run.box = run.box.tmpfs(target, {
        ...numbers(rest, "uid", "gid", "inodes"),
        ...(noexec === undefined ? {} : { noexec: noexec === "1" }),
      });
    },
  },
  {
    name: "dir",
    value: "DST[:mode=..]",
    group: FILES,
    help: "make a directory; also uid and gid",
    apply: (run, value) => {
      const { target, options } = placeValue(value, ["mode", "uid", "gid"]);
      if (options.mode !== undefined) parseMode(options.mode, "value");
      run.box = run.box.dir(target, numbers(options, "uid", "gid"));
    },
  },
  {
    name: "symlink",
    value: "TARGET:LINK",
    group: FILES,
    help: "make a symbolic link LINK that says TARGET",
    apply: (run, value) => {
      const at = value.lastIndexOf(":");
      if (at < 1) throw new SpecError("value", `"${value}" should be TARGET:LINK`);
      run.box = run.box.symlink(value.slice(0, at), insidePath(value.slice(at + 1)));
    },
  },
  {
    name: "write",
    value: "DST=TEXT",
    group: FILES,
    help: "make a file with this text; it is in memory only",
    apply: (run, value) => {
      const [target, text] = pair(value, "=", "DST=TEXT");
      run.box = run.box.file(insidePath(target), text);
    },
  },
  {
    name: "mask",
    value: "DST",
    group: FILES,
    help: "hide a file or directory",
    apply: (run, value) => run.box = run.box.mask(insidePath(value)),
  },
  {
    name: "readonly",
    value: "DST",
    group: FILES,
    help: "make a file or directory read-only, with what is mounted below",
    apply: (run, value) => run.box = run.box.readonly(insidePath(value)),
  },
  {
    name: "mount",
    value: "type=TYPE,target=DST[,source=SRC][,rw]",
    group: FILES,
    help: "a filesystem of any type; what follows by commas are its own options",
    apply: (run, value) => run.box = run.box.mount(filesystemValue(value)),
  },
  {
    name: "proc",
    value: "DST[:hidepid=..,subset=pid]",
    group: FILES,
    help: "the sandbox's own proc (there is one on /proc already)",
    apply: (run, value) => {
      const { target, options } = placeValue(value, ["hidepid", "subset"]);
      run.box = run.box.proc(target, options as Omit<ProcMount, "kind" | "target">);
    },
  },
  {
    name: "devpts",
    value: "DST",
    group: FILES,
    help: "terminals of the sandbox's own (--dev has some already)",
    apply: (run, value) => run.box = run.box.devpts(insidePath(value)),
  },
  {
    name: "mqueue",
    value: "DST",
    group: FILES,
    help: "the message queues of the sandbox's ipc namespace",
    apply: (run, value) => run.box = run.box.mqueue(insidePath(value)),
  },
  {
    name: "sysfs",
    value: "DST",
    group: FILES,
    help: "what the kernel tells of devices and drivers, read-only",
    apply: (run, value) => run.box = run.box.sysfs(insidePath(value)),
  },
  {
    name: "cgroupfs",
    value: "DST[:rw]",
    group: FILES,
    help: "the sandbox's own cgroup of version 2",
    apply: (run, value) => {
      const writable = value.endsWith(":rw");
      const target = insidePath(writable ? value.slice(0, -3) : value);
      run.box = run.box.cgroupfs(target, writable ? { writable } : {});
    },
  },
  {
    name: "dev",
    value: "DST",
    group: FILES,
    help: "a minimal set of devices (there is one on /dev already)",
    apply: (run, value) => run.box = run.box.dev(insidePath(value)),
  },
];
