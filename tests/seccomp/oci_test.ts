import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { SpecError } from "../../lib/errors.ts";
import { describeValue } from "../../lib/seccomp/actions.ts";
import { compilePolicy } from "../../lib/seccomp/compile.ts";
import { runFilter } from "../../lib/seccomp/interpreter.ts";
import { readOciProfile } from "../../lib/seccomp/oci.ts";
import { callNumber } from "../../lib/seccomp/outcomes.ts";
import { testIf } from "../integration/support.ts";

const HERE = { arch: "x86_64", capabilities: new Set<string>(), kernel: "6.1.0-13-amd64" } as const;

type Here = Omit<typeof HERE, "arch" | "kernel"> & { arch: "x86_64" | "aarch64"; kernel: string };

function reader(profile: unknown, here: Partial<Here> = {}) {
  const place = { ...HERE, ...here };
  const filter = compilePolicy(readOciProfile(profile, place));
  return (name: string | number, ...args: (number | bigint)[]) =>
    describeValue(
      runFilter(filter, {
        arch: place.arch,
        number: typeof name === "number" ? name : callNumber(name, place.arch)!,
        arguments: args.map(BigInt),
      }).value,
    );
}

const allow = (names: string[], more = {}) => ({ names, action: "SCMP_ACT_ALLOW", ...more });

Deno.test("actions, and their errnos by number and by name", () => {
  const get = reader({
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 13,
    syscalls: [
      allow(["read", "write"]),
      { name: "open", action: "SCMP_ACT_ERRNO" },
      { names: ["openat"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
      { names: ["close"], action: "SCMP_ACT_ERRNO", errno: "EROFS", errnoRet: 1 },
      { names: ["dup"], action: "SCMP_ACT_KILL" },
      { names: ["dup2"], action: "SCMP_ACT_KILL_PROCESS" },
      { names: ["dup3"], action: "SCMP_ACT_TRAP" },
      { names: ["pipe"], action: "SCMP_ACT_LOG" },
      { names: ["pipe2"], action: "SCMP_ACT_TRACE" },
      { names: ["mount"], action: "SCMP_ACT_NOTIFY" },
    ],
  });
  assertEquals(
    ["read", "open", "openat", "close", "dup", "dup2", "dup3", "pipe", "pipe2", "mount", "stat"]
      .map((name) => get(name)),
    [
      ...["allow", "EPERM", "ENOSYS", "EROFS", "kill-thread", "kill", "trap", "log", "ENOSYS"],
      ...["notify", "EACCES"],
    ],
  );
  // As runc has it: newer than all that the profile knows.
  assertEquals(get(450), "ENOSYS");
  assertEquals(reader({ defaultAction: "SCMP_ACT_ALLOW" })(450), "allow");
});

Deno.test("arguments, with the width that the kernel takes", () => {
  const get = reader({
    defaultAction: "SCMP_ACT_ERRNO",
    syscalls: [
      allow(["socket"], { args: [{ index: 0, value: 40, valueTwo: 0, op: "SCMP_CMP_NE" }] }),
      allow(["clone"], {
        args: [{ index: 0, value: 2114060288, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
      }),
      // Two on one argument: either.
      allow(["personality"], {
        args: [
          { index: 0, value: 0, op: "SCMP_CMP_EQ" },
          { index: 0, value: 8, op: "SCMP_CMP_EQ" },
        ],
      }),
      // Two on two: both.
      allow(["mmap"], {
        args: [
          { index: 1, value: 4096, op: "SCMP_CMP_LE" },
          { index: 2, value: 4, op: "SCMP_CMP_LT" },
        ],
      }),
      allow(["lseek"], { args: [{ index: 1, value: "0xfffffffffffffff0", op: "SCMP_CMP_GE" }] }),
    ],
  });
  assertEquals(get("socket", 2), "allow");
  assertEquals(get("socket", 40), "EPERM");
  assertEquals(get("socket", (1n << 32n) | 40n), "EPERM", "the kernel makes 40 of it");
  assertEquals([get("clone", 17), get("clone", 0x1000_0011)], ["allow", "EPERM"]);
  assertEquals([0, 8, 4].map((it) => get("personality", it)), ["allow", "allow", "EPERM"]);
  assertEquals(get("mmap", 0, 4096, 3), "allow");
  assertEquals([get("mmap", 0, 4097, 3), get("mmap", 0, 1, 4)], ["EPERM", "EPERM"]);
  assertEquals(get("mmap", 0, 1n << 40n, 3), "EPERM");
  assertEquals([get("lseek", 0, -1n), get("lseek", 0, 1)], ["allow", "EPERM"]);
});

Deno.test("the first rule without conditions wins over those with, wherever it stands", () => {
  const get = reader({
    defaultAction: "SCMP_ACT_ERRNO",
    syscalls: [
      {
        names: ["ioctl"],
        action: "SCMP_ACT_KILL",
        args: [{ index: 1, value: 1, op: "SCMP_CMP_EQ" }],
      },
      allow(["ioctl"]),
      { names: ["ioctl"], action: "SCMP_ACT_TRAP" },
    ],
  });
  assertEquals(get("ioctl", 0, 1), "allow");
});

Deno.test("includes and excludes: capabilities, architectures, kernels", () => {
  const profile = {
    defaultAction: "SCMP_ACT_ERRNO",
    syscalls: [
      allow(["mount"], { includes: { caps: ["CAP_SYS_ADMIN"] } }),
      {
        names: ["clone3"],
        action: "SCMP_ACT_ERRNO",
        errnoRet: 38,
        excludes: { caps: ["CAP_SYS_ADMIN"] },
      },
      allow(["modify_ldt"], { includes: { arches: ["amd64", "x32", "x86"] } }),
      allow(["ptrace"], { includes: { minKernel: "4.8" } }),
      allow(["bpf"], { includes: { minKernel: "6.10" } }),
      allow(["setns"], { includes: { caps: ["CAP_SYS_ADMIN", "CAP_SYS_CHROOT"] } }),
      allow(["acct"], { excludes: { arches: ["amd64"] } }),
      allow(["swapon"], { excludes: { minKernel: "5.0" } }),
      allow(["swapoff"], { excludes: {}, includes: {}, comment: "always", args: null }),
    ],
  };
  const names = [
    "mount",
    "clone3",
    "modify_ldt",
    "ptrace",
    "bpf",
    "setns",
    "acct",
    "swapon",
    "swapoff",
  ];
  const of = (here: Partial<Here>) => names.map((name) => reader(profile, here)(name));
  assertEquals(of({}), [
    ...["EPERM", "ENOSYS", "allow", "allow", "EPERM", "EPERM", "EPERM", "EPERM", "allow"],
  ]);
  assertEquals(of({ capabilities: new Set(["CAP_SYS_ADMIN"]), kernel: "6.18.0" }), [
    // Of clone3 nothing is left, and it is newer than all the others.
    ...["allow", "ENOSYS", "allow", "allow", "allow", "EPERM", "EPERM", "EPERM", "allow"],
  ]);
  assertEquals(reader(profile, { arch: "aarch64" })("acct"), "allow");
});

Deno.test("names of other architectures mean nothing here, where they are allowed", () => {
  const get = reader({
    defaultAction: "SCMP_ACT_ERRNO",
    syscalls: [allow(["socketcall", "arm_fadvise64_64", "read"])],
  });
  assertEquals(get("read"), "allow");
  const error = assertThrows(
    () =>
      reader({
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["mount", "mount_of_the_future"], action: "SCMP_ACT_ERRNO" }],
      }),
    SpecError,
  );
  assert(
    error.message.includes('"mount_of_the_future" is not known here, so it could not be blocked'),
  );
});

Deno.test("what is not understood is refused, by its place", () => {
  const cases: [unknown, string][] = [
    [[], "seccomp.profile"],
    [{ defaultAction: "SCMP_ACT_MAYBE" }, "seccomp.profile.defaultAction"],
    [{ defaultAction: "SCMP_ACT_ERRNO", sycalls: [] }, "seccomp.profile.sycalls"],
    [{ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{}] }, "seccomp.profile.syscalls[0].names"],
    [
      { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: [7] }] },
      "seccomp.profile.syscalls[0].names[0]",
    ],
    [
      { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["read"] }] },
      "seccomp.profile.syscalls[0].action",
    ],
    [{
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{
        names: ["read"],
        action: "SCMP_ACT_KILL",
        args: [{ index: 6, op: "SCMP_CMP_EQ", value: 0 }],
      }],
    }, "seccomp.profile.syscalls[0].args[0].index"],
    [{
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{
        names: ["read"],
        action: "SCMP_ACT_KILL",
        args: [{ index: 0, op: "EQ", value: 0 }],
      }],
    }, "seccomp.profile.syscalls[0].args[0].op"],
    [{
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["read"], action: "SCMP_ACT_KILL", includes: { cap: [] } }],
    }, "seccomp.profile.syscalls[0].includes.cap"],
    [{ defaultAction: "SCMP_ACT_ALLOW", flags: ["SECCOMP_FLAG"] }, "seccomp.profile.flags[0]"],
    [{ defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 5000 }, "seccomp.profile.defaultErrnoRet"],
  ];
  for (const [profile, field] of cases) {
    assertEquals(assertThrows(() => readOciProfile(profile, HERE), SpecError).field, field);
  }
});

const PODMAN = "/usr/share/containers/seccomp.json";
const podman = (() => {
  try {
    return JSON.parse(Deno.readTextFileSync(PODMAN));
  } catch {
    return undefined;
  }
})();

testIf(podman !== undefined, `no ${PODMAN}`, "Podman's profile loads as it is", () => {
  for (const arch of ["x86_64", "aarch64"] as const) {
    const get = reader(podman, { arch });
    assertEquals([get("read"), get("execve"), get("clone", 17)], ["allow", "allow", "allow"]);
    assertEquals(get("acct"), "EPERM");
    const books = reader(podman, { arch, capabilities: new Set(["CAP_SYS_PACCT"]) });
    assertEquals(books("acct"), "allow");
  }
});

Deno.test("malformed profiles throw nothing but SpecErrors", () => {
  const key = fc.constantFrom(
    ...["defaultAction", "syscalls", "names", "name", "action", "args", "index", "op", "value"],
    ...[
      "valueTwo",
      "includes",
      "excludes",
      "caps",
      "arches",
      "minKernel",
      "errnoRet",
      "errno",
      "flags",
    ],
    ...["architectures", "archMap", "comment"],
  );
  const leaf = fc.oneof(
    fc.anything(),
    fc.constantFrom(
      ...["SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_CMP_EQ", "SCMP_CMP_MASKED_EQ", "read", "ioctl"],
      ...["CAP_KILL", "amd64", "4.8", 0, 5, 2 ** 64, -1, null],
    ),
  );
  const tree = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 6 },
      leaf,
      fc.array(tie("node"), { maxLength: 3 }),
      fc.dictionary(key, tie("node"), { maxKeys: 6 }),
    ),
  })).node;
  // Nearly right ones get further than random ones.
  const entry = fc.record({
    names: fc.oneof(fc.array(fc.constantFrom("read", "ioctl", "clone", "nosuchcall")), tree),
    action: fc.oneof(fc.constantFrom("SCMP_ACT_ALLOW", "SCMP_ACT_KILL", "SCMP_ACT_ERRNO"), tree),
    args: fc.oneof(
      fc.array(fc.record({
        index: fc.oneof(fc.integer({ min: -1, max: 7 }), tree),
        op: fc.oneof(fc.constantFrom("SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_MASKED_EQ"), tree),
        value: fc.oneof(fc.integer(), fc.double(), tree),
      }, { requiredKeys: [] })),
      tree,
    ),
    includes: tree,
    errnoRet: tree,
  }, { requiredKeys: ["names", "action"] });
  const profile = fc.record({
    defaultAction: fc.oneof(fc.constantFrom("SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"), tree),
    syscalls: fc.oneof(fc.array(entry, { maxLength: 5 }), tree),
    flags: tree,
  }, { requiredKeys: ["defaultAction"] });
  fc.assert(
    fc.property(fc.oneof(tree, profile), (value) => {
      try {
        compilePolicy(readOciProfile(value, HERE));
      } catch (error) {
        assert(error instanceof SpecError, `${error}`);
      }
    }),
    { numRuns: 20_000 },
  );
});
