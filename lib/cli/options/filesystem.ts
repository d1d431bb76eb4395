/**
 * The options of `paddock run` about what is in the sandbox's filesystem.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import { parseMode } from "../../quantity.ts";
import type { Option } from "../options.ts";
import type { RunRequest } from "../run_request.ts";
import { bindValue, insidePath, overlayValue, pair, placeValue } from "../values.ts";

const FILES = "Filesystem (in the order given)";

const cwd = () => Deno.cwd();

/** The options. */
export const FILESYSTEM_OPTIONS: readonly Option<RunRequest>[] = [
  {
    name: "root",
    value: "host|empty|DIR",
    group: FILES,
    help: "what / is: a minimal view of the host (default), nothing, or a directory, read-only",
    apply: (run, value) => {
      if (value === "") throw new SpecError("value", "is empty; give host, empty or a directory");
      run.box = run.box.root(value);
    },
  },
  {
    name: "bind",
    short: "b",
    value: "SRC[:DST][:rw]",
    group: FILES,
    help: "show a file or directory of the host; read-only, but for :rw; :dev lets devices work",
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
    help: "an empty filesystem in memory, e.g. /work:size=64M,mode=0755",
    apply: (run, value) => {
      const { target, options } = placeValue(value, ["size", "mode"]);
      run.box = run.box.tmpfs(target, options);
    },
  },
  {
    name: "dir",
    value: "DST[:mode=..]",
    group: FILES,
    help: "make a directory",
    apply: (run, value) => {
      const { target, options } = placeValue(value, ["mode"]);
      if (options.mode !== undefined) parseMode(options.mode, "value");
      run.box = run.box.dir(target, options);
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
    name: "proc",
    value: "DST",
    group: FILES,
    help: "the sandbox's own proc (there is one on /proc already)",
    apply: (run, value) => run.box = run.box.proc(insidePath(value)),
  },
  {
    name: "dev",
    value: "DST",
    group: FILES,
    help: "a minimal set of devices (there is one on /dev already)",
    apply: (run, value) => run.box = run.box.dev(insidePath(value)),
  },
];
