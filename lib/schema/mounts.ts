/**
 * The schema of the mount list and of the root.
 *
 * @module
 */

import { either, flag, type Keys, list, number, record, size, text, word } from "./node.ts";

/** The highest number that is an id: the next one means "none". */
const LAST_ID = 0xffff_fffe;

/** An id that numbers are for. */
export const id = (about: string, more: { default?: string } = {}) =>
  number(about, 0, LAST_ID, more);

const range = record(
  "A range of ids.",
  {
    inside: id("The first id as seen inside."),
    outside: id("The first id outside."),
    count: number("How many.", 1, LAST_ID, { default: "1" }),
  },
  ["inside", "outside"],
  { example: "{ inside: 0, outside: 100000, count: 65536 }" },
);

/** An id map as two lists. */
export const idMap = (about: string) =>
  record(about, {
    uids: list("User ids.", range, { least: 1 }),
    gids: list("Group ids.", range, { least: 1 }),
  }, ["uids", "gids"]);

const target = text("An absolute path inside.", { at: "inside", example: "/work" });
const mode = (otherwise: string) => ({
  is: "mode",
  about: "Permission bits in octal; in a file, in quotes.",
  default: otherwise,
  example: '"0755"',
} as const);

const FLAGS = {
  nosuid: flag("Ignore set-uid and set-gid bits and file capabilities.", "true"),
  nodev: flag("Let device files be but names.", "true"),
  noexec: flag("Let nothing be executed."),
  nosymfollow: flag("Follow no symbolic link."),
} as const;

const OWNER = {
  uid: id("The owner, as a number inside.", { default: "the set-up's user" }),
  gid: id("The group, as a number inside.", { default: "the same as `uid`" }),
} as const;

const memory = size("At most so much.", { default: "half of the memory", example: "64M" });
const writable = flag("Let the sandbox write.");
const optional = flag("Go on without, if it does not exist.");
const shownIds = idMap("Show other owners than the files have; `outside` is the number on disk.");

const LAYERS = {
  lower: list(
    "Directories of the host, the topmost first.",
    text("A directory of the host.", { at: "host" }),
    { least: 1, example: "[./changes, ./base]" },
  ),
  upper: text("Where changes go: `ephemeral` is memory, else a directory of the host.", {
    at: "host",
    default: "nowhere; read-only",
  }),
  work: text("A directory on the filesystem of `upper` for the kernel's own use.", {
    at: "host",
    default: "`upper` with `.work` behind it",
  }),
  size: size("How large ephemeral changes may grow.", { default: "half of the memory" }),
  options: {
    is: "dictionary",
    about: "Further options of overlayfs.",
    of: text("Its value."),
    example: '{ xino: "off" }',
  },
} as const;

/** What other programs call these keys. */
const MEANT = {
  src: "source",
  from: "source",
  host: "source",
  dst: "target",
  dest: "target",
  destination: "target",
  to: "target",
  path: "target",
  rw: "writable",
  write: "writable",
  readwrite: "writable",
  ro: "a bind is read-only unless it says writable: true",
  readonly: "a mount is read-only unless it says writable: true",
  read_only: "a mount is read-only unless it says writable: true",
  type: "kind",
  content: "contents",
  text: "contents",
  permissions: "mode",
} as const;

function mount<const Fields extends Keys, const Needed extends keyof Fields & string = never>(
  about: string,
  keys: Fields,
  needed: readonly Needed[] = [],
) {
  const { type: _, ...others } = MEANT;
  const meant = "type" in keys ? others : MEANT;
  return record<Fields & { target: typeof target }, Needed | "target">(
    about,
    { ...keys, target },
    [...needed, "target"],
    { meant },
  );
}

/** An entry of the mount list. */
export const MOUNT = {
  is: "kinds",
  by: "kind",
  about: "What is made in the root.",
  hint: 'a directory of the host is "bind", one in memory "tmpfs"',
  example: "{ kind: tmpfs, target: /work }",
  kinds: {
    bind: mount("A file or directory of the host. Read-only unless `writable`.", {
      ...FLAGS,
      source: either("A path of the host, or an open descriptor.", [
        text("A path of the host.", { at: "host", example: "./src" }),
        record("An open descriptor.", { fd: number("Its number.", 0) }, ["fd"]),
      ], { example: "./src" }),
      writable,
      devices: flag("Let device files work: another word for `nodev: false`."),
      optional,
      recursive: flag("With what is mounted below it.", "true"),
      propagation: word("Whether mounts made later on the host appear inside.", [
        "private",
        "slave",
        "shared",
        "unbindable",
      ], { default: "`private`" }),
      idMap: shownIds,
    }, ["source"]),
    overlay: mount("Directories stacked on each other; none of the layers is written.", {
      ...FLAGS,
      ...LAYERS,
    }, ["lower"]),
    tmpfs: mount("An empty filesystem in memory.", {
      ...FLAGS,
      ...OWNER,
      size: memory,
      inodes: number("At most so many files.", 1, undefined, { default: "the kernel's" }),
      mode: mode("`1777`"),
    }),
    proc: mount("The processes of the sandbox.", {
      hidepid: word("What is seen of processes of other users.", [
        "off",
        "noaccess",
        "invisible",
        "ptraceable",
      ], { default: "`off`" }),
      subset: word("`pid`: processes only, no `/proc/sys` and the like.", ["pid"]),
    }),
    dev: mount("A minimal `/dev`.", {}),
    devpts: mount("Terminals of the sandbox's own.", {
      mode: mode("`0620`"),
      gid: id("The group of new terminals."),
      max: number("At most so many.", 1, undefined, { default: "the kernel's" }),
    }),
    mqueue: mount("POSIX message queues.", {}),
    sysfs: mount("What the kernel tells of devices and drivers, read-only.", {}),
    cgroupfs: mount("The sandbox's own cgroup and what is below it.", { writable }),
    filesystem: mount("A filesystem of any type that the kernel has.", {
      ...FLAGS,
      type: text("The type; see filesystems(5).", { empty: false, example: "ext4" }),
      source: text("What is mounted, where the type needs something.", { empty: false }),
      writable,
      options: {
        is: "dictionary",
        about: "The type's own options; `true` for one without a value.",
        of: either("Its value.", [
          { is: "true" },
          number("A number.", -Number.MAX_SAFE_INTEGER),
          text("A text."),
        ]),
      },
    }, ["type"]),
    symlink: mount("A symbolic link at the place `target`.", {
      source: text("What the link says.", { empty: false }),
    }, ["source"]),
    dir: mount("A directory.", { ...OWNER, mode: mode("`0755`") }),
    file: mount("A file in memory.", {
      ...OWNER,
      contents: { is: "text", about: "What is in it.", bytes: true, example: '"hello\\n"' },
      mode: mode("`0644`"),
    }, ["contents"]),
    mask: mount("Hides what is there.", { optional }),
    readonly: mount("Makes what is there read-only.", { optional }),
  },
} as const;

/** What `/` is, as data. */
export const ROOT = either("What `/` is.", [
  word("`host`: a minimal read-only view of the host; `empty`: nothing.", ["host", "empty"]),
  record("A directory of the host: read-only unless `writable` or `ephemeral`.", {
    path: text("The directory.", { at: "host", example: "./rootfs" }),
    writable,
    ephemeral: flag("Let the sandbox write to memory instead."),
    size: size("How large ephemeral changes may grow.", { default: "half of the memory" }),
    idMap: shownIds,
  }, ["path"]),
  record(
    "Stacked directories of the host.",
    { overlay: record("The layers.", LAYERS, ["lower"]) },
    [
      "overlay",
    ],
  ),
  record("An image.", {
    image: text("Its name or its id.", { empty: false, example: "debian" }),
    readonly: flag("Let the sandbox change nothing."),
    upper: text("Where changes go: `ephemeral` is memory, else a directory of the host.", {
      at: "host",
      default: "`ephemeral`",
    }),
    size: size("How large ephemeral changes may grow.", { default: "half of the memory" }),
  }, ["image"]),
], { default: "`host`" });

/** The same in a file, where a directory's path is enough. */
export const FILE_ROOT = either(ROOT.about!, [
  text("`host`: a minimal read-only view of the host; `empty`: nothing; else a directory.", {
    at: "host",
  }),
  ...ROOT.of.slice(1),
], { default: "`host`" });
