import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Operation, Value } from "../../lib/agent/operation.ts";
import { SpecError } from "../../lib/errors.ts";
import type { PlannedLaunch } from "../../lib/plan/launch_choices.ts";
import { Scaffold } from "../../lib/plan/mounts/scaffold.ts";
import { sandbox } from "../../lib/sandbox.ts";
import type { Sandbox } from "../../lib/sandbox.ts";
import {
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_PATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
} from "../../lib/sys/abi/fcntl.ts";
import { MOVE_MOUNT_F_EMPTY_PATH, MOVE_MOUNT_T_EMPTY_PATH } from "../../lib/sys/abi/mount.ts";
import { calls, JANE, named, planOf, ROOT } from "./planning.ts";

function pure(name: string, fn: () => void): void {
  Deno.test({ name, permissions: "none", fn });
}

/** Calls that make something in a directory. */
const CREATING = ["mkdirat", "mknodat", "symlinkat", "linkat"];

const ROOT_FD: Value = { load32: "root" };

/** The three words of a `struct open_how`. */
function openHow(value: Value | undefined): { flags: number; mode: number; resolve: number } {
  assert(value instanceof Uint8Array && value.length === 24, "a struct open_how has 24 bytes");
  const view = new DataView(value.buffer, value.byteOffset);
  const word = (offset: number) => Number(view.getBigUint64(offset, true));
  return { flags: word(0), mode: word(8), resolve: word(16) };
}

/** What these operations create, as paths below the descriptor they start at. */
function created(operations: readonly Operation[]): [dirfd: Value, path: Value][] {
  return operations.flatMap(({ call, args = [] }): [Value, Value][] => {
    if (CREATING.includes(call)) {
      return call === "symlinkat" ? [[args[1]!, args[2]!]] : [[args[0]!, args[1]!]];
    }
    return call === "openat" && ((args[2] as number) & O_CREAT) !== 0 ? [[args[0]!, args[1]!]] : [];
  });
}

/** Every creation and every resolution of the last step before the pivot. */
function lastMount(plan: PlannedLaunch) {
  const steps = plan.steps.filter((step) => step.phase === "mounts");
  const pivot = steps.findIndex(({ name }) => name === "pivot");
  const before = steps.slice(0, pivot)
    .filter(({ name }) => name !== "seal root" && name !== "workshop");
  return before.at(-1)!;
}

/** The step resolves the target in the root, without magic links, and creates nothing there. */
function assertResolves(plan: PlannedLaunch, path: string): void {
  const step = lastMount(plan);
  const opens = calls(step, "openat2");
  assert(opens.length > 0, `${step.sentence} should resolve "${path}"`);
  for (const { args = [] } of opens) {
    const [dirfd, name, how, size] = args;
    assertEquals(dirfd, ROOT_FD);
    assertEquals(name, path);
    assertEquals(size, 24);
    const { flags, mode, resolve } = openHow(how);
    assertEquals(resolve, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    assertEquals(mode, 0, "openat2 creates nothing here");
    assertEquals(flags & (O_PATH | O_CLOEXEC), O_PATH | O_CLOEXEC);
    assertEquals(flags & O_CREAT, 0, "no O_CREAT");
  }
  for (const { args = [] } of calls(step, "move_mount").slice(-1)) {
    assertEquals(args[2], { load32: "place" });
    assertEquals(args[3], "", "the mount goes to the descriptor, by no path");
    assertEquals(args[4], MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
  }
  const closed = calls(step, "close").some(({ args }) =>
    JSON.stringify(args) === JSON.stringify([{ load32: "place" }])
  );
  assert(closed, "the descriptor of the place is closed");
}

/** Nothing is created below the new root's descriptor. */
function assertCreatesNothingInRoot(operations: readonly Operation[]): void {
  const there = created(operations).filter(([dirfd]) =>
    JSON.stringify(dirfd) === JSON.stringify(ROOT_FD)
  );
  assertEquals(there, []);
}

/** The step goes there by a plain path. */
function assertPlain(plan: PlannedLaunch, expected: [Value, Value][]): void {
  const step = lastMount(plan);
  assertEquals(calls(step, "openat2"), []);
  assertEquals(created(step.operations), expected);
}

/** Root has its sources opened outside, an ordinary user inside; the place is found the same way. */
function both(change: (box: Sandbox) => Sandbox, check: (plan: PlannedLaunch) => void): void {
  for (const facts of [JANE, ROOT]) check(planOf(change(sandbox()), facts));
}

pure("below the sandbox's own tmpfs, mount points are made by plain paths", () => {
  both((box) => box.tmpfs("/work").tmpfs("/work/a/b"), (plan) => {
    assertPlain(plan, [[ROOT_FD, "work/a"], [ROOT_FD, "work/a/b"]]);
    const [mount] = calls(lastMount(plan), "move_mount");
    assertEquals(mount!.args!.slice(2), [ROOT_FD, "work/a/b", MOVE_MOUNT_F_EMPTY_PATH]);
  });
  both((box) => box.bind("/srv", "/tmp/x"), (plan) => {
    // A file or a directory, as the source is.
    assertPlain(plan, [[ROOT_FD, "tmp/x"], [ROOT_FD, "tmp/x"]]);
    assertEquals(calls(lastMount(plan), "mkdirat").length, 1);
    assertEquals(calls(lastMount(plan), "mknodat").length, 1);
    assertEquals(calls(lastMount(plan), "statx").length, 1);
  });
  both((box) => box.dir("/a/b/c"), (plan) => {
    assertPlain(plan, [[ROOT_FD, "a"], [ROOT_FD, "a/b"], [ROOT_FD, "a/b/c"]]);
  });
  both((box) => box.dir("/a/b").file("/a/b/f", "x"), (plan) => {
    assertPlain(plan, [[ROOT_FD, "a/b/f"]]);
  });
  both((box) => box.symlink("/x", "/a/link"), (plan) => {
    assertPlain(plan, [[ROOT_FD, "a"], [ROOT_FD, "a/link"]]);
  });
});

pure("no directory is made twice", () => {
  both((box) => box.dir("/a/b").dir("/a/b").tmpfs("/a/b").dir("/a/b/c"), (plan) => {
    const made = plan.steps.filter(({ phase }) => phase === "mounts")
      .flatMap((step) => created(step.operations)).map(([dirfd, path]) =>
        JSON.stringify([dirfd, path])
      );
    const plainly = made.filter((entry) => entry.includes('"a'));
    assertEquals(plainly.length, new Set(plainly).size);
  });
});

/** Places that are somebody else's, each with what puts it there. */
const FOREIGN: [string, string, (box: Sandbox) => Sandbox][] = [
  ["a bind", "/work", (box) => box.bind("/srv", "/work")],
  ["a writable bind", "/work", (box) => box.bind("/srv", "/work", { writable: true })],
  ["a bind below a tmpfs", "/tmp/b", (box) => box.bind("/srv", "/tmp/b")],
  ["a link of the sandbox's own", "/link", (box) => box.symlink("/etc", "/link")],
  ["the host view", "/usr", (box) => box],
  ["a link of the host view", "/bin", (box) => box],
  ["proc", "/proc", (box) => box],
  ["a device's place", "/dev/pts", (box) => box],
  ["a root directory", "", (box) => box.root("/srv/root")],
  ["a writable root directory", "", (box) => box.root("/srv/root", { writable: true })],
  ["a bind in a root directory", "/work", (box) => box.root("/srv/root").bind("/srv", "/work")],
];

/** What can be put at such a place, where it must exist. */
const MOUNTS: [string, (box: Sandbox, target: string) => Sandbox][] = [
  ["bind", (box, target) => box.bind("/opt", target)],
  ["tmpfs", (box, target) => box.tmpfs(target)],
  ["proc", (box, target) => box.proc(target)],
  ["dir", (box, target) => box.dir(target)],
  ["file", (box, target) => box.file(target, "x")],
];

for (const [what, place, put] of FOREIGN) {
  for (const [kind, mount] of MOUNTS) {
    pure(`below ${what}, a ${kind} is resolved in the root and nothing is made`, () => {
      for (const below of [`${place}/x`, `${place}/x/y`]) {
        both((box) => mount(put(box), below), (plan) => {
          if (kind === "dir") {
            const [how] = calls(lastMount(plan), "openat2");
            assert((openHow(how!.args![2]).flags & O_DIRECTORY) !== 0, "O_DIRECTORY");
          }
          assertResolves(plan, below.slice(1));
          assertCreatesNothingInRoot(lastMount(plan).operations);
        });
      }
    });
  }

  pure(`below ${what}, a link is an error, for it would have to be made there`, () => {
    const box = put(sandbox()).symlink("x", `${place}/x`);
    const error = assertThrows(() => planOf(box), SpecError, "put a tmpfs above it");
    assertEquals(error.field, `mounts[${box.spec.mounts.length - 1}].target`);
  });
}

pure("on top of a foreign place itself, the place is resolved too", () => {
  for (const [, mount] of MOUNTS) {
    both((box) => mount(box.symlink("/etc", "/link"), "/link"), (plan) => {
      assertResolves(plan, "link");
      assertCreatesNothingInRoot(lastMount(plan).operations);
    });
  }
});

pure("a name that only begins like a foreign one is the sandbox's own", () => {
  both((box) => box.bind("/srv", "/work").dir("/workshop/a"), (plan) => {
    assertPlain(plan, [[ROOT_FD, "workshop"], [ROOT_FD, "workshop/a"]]);
  });
});

pure("with a root directory nothing at all is ever created by a path of the root", () => {
  both((box) => box.root("/srv/root", { writable: true }).dir("/d").file("/f", "x"), (plan) => {
    for (const step of plan.steps) assertCreatesNothingInRoot(step.operations);
  });
});

pure("below a tmpfs that lies where a link may have led, paths start at its own root", () => {
  both((box) => box.bind("/srv", "/work").tmpfs("/work/t").dir("/work/t/a/b"), (plan) => {
    const tmpfs = named(plan, "tmpfs").at(-1)!;
    const cell = calls(tmpfs, "fsmount")[0]!.store as string;
    assert(cell !== "tree" && cell !== "root");
    const base: Value = { load32: cell };
    assertPlain(plan, [[base, "a"], [base, "a/b"]]);
    // It is kept open for what follows.
    const kept = plan.steps.flatMap((step) => calls(step, "close"))
      .every(({ args }) => JSON.stringify(args) !== JSON.stringify([base]));
    assert(kept);
  });
});

pure(
  "a bind over it covers what the plan made below; a tmpfs over it is the plan's own again",
  () => {
    both((box) => box.dir("/a/b").bind("/srv", "/a").tmpfs("/a/b"), (plan) => {
      assertResolves(plan, "a/b");
    });
    both((box) => box.bind("/srv", "/tmp/b").tmpfs("/tmp").dir("/tmp/b/c"), (plan) => {
      assertPlain(plan, [[ROOT_FD, "tmp/b"], [ROOT_FD, "tmp/b/c"]]);
    });
  },
);

pure("a resolution that a rename disturbs is tried again, with a bound", () => {
  const { operations } = new Scaffold().existing("/a/b");
  const [count] = operations;
  assertEquals(count!.call, "SET");
  assert((count!.args![0] as number) >= 16);
  const [first, last] = operations.filter(({ call }) => call === "openat2");
  assert(first!.onError !== undefined && first!.onError !== "ignore");
  assertEquals(last!.onError, undefined, "the last try is a stop with its errno");
});

pure("two places in one program have no label in common", () => {
  const scaffold = new Scaffold();
  const labels = [scaffold.existing("/a"), scaffold.existing("/a")]
    .flatMap(({ operations }) => operations.flatMap(({ label }) => label ?? []));
  assertEquals(labels.length, new Set(labels).size);
  both(
    (box) => box.bind("/srv", "/w").bind("/a", "/w/a").bind("/a", "/x").tmpfs("/w/b"),
    (plan) => {
      const all = plan.steps.flatMap(({ operations }) =>
        operations.flatMap(({ label }) => label ?? [])
      );
      assertEquals(all.length, new Set(all).size);
    },
  );
});

pure("devices below a bind are made on the devices' own filesystem only", () => {
  both((box) => box.bind("/srv", "/work").dev("/work/dev"), (plan) => {
    const step = lastMount(plan);
    assertCreatesNothingInRoot(step.operations);
    const bases = new Set(created(step.operations).map(([dirfd]) => JSON.stringify(dirfd)));
    assertEquals(bases.size, 1);
    assertEquals(calls(step, "openat2")[0]!.args![1], "work/dev");
  });
});

Deno.test("where changes stay in the sandbox, what is missing is made by descriptors only", () => {
  const scaffold = new Scaffold();
  scaffold.addChangeable("/");
  const { operations, path } = scaffold.mountPoint("/a/b", "directory");
  assertEquals(path, "");
  const made = operations.filter(({ call }) => call === "mkdirat" || call === "mknodat");
  // Each name by itself, in a directory that was opened inside of the root.
  assertEquals(made.map(({ args }) => args!.slice(0, 2)), [
    [{ load32: "parent" }, "a"],
    [{ load32: "parent" }, "b"],
  ]);
  for (const { call, args } of operations) {
    if (call === "openat2") assertEquals(args![0], { load32: "root" });
  }
  scaffold.addForeign("/a/b");
  const calls = scaffold.mountPoint("/a/b/c", "directory").operations.map(({ call }) => call);
  assert(!calls.includes("mkdirat"));
  assert(scaffold.isChangeable("/a/c") && !scaffold.isChangeable("/a/b/c"));
  scaffold.addForeign("/");
  assert(!scaffold.isChangeable("/a/c"));
});
