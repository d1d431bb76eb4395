// A profile of the user's own does not take the guard off: started by root, with something of the
// host that can be written, no command leaves a set-uid file there.

import { assert, assertEquals } from "@std/assert";
import { compilePolicy } from "../../lib/seccomp/compile.ts";
import { ARCH } from "../../lib/sys/mod.ts";
import { defineHook, filter, Sandbox, sandbox, type SeccompProfile } from "../../mod.ts";
import { existing, raw, type RawCall } from "../integration/raw_calls.ts";
import { attempt, inFolder, installed, ROOT, sh, testIf } from "../integration/support.ts";

const HERE = -100, CREATE = 0o101, TMPFILE = 0o20200002;
/** `struct open_how`: flags, mode, resolve. */
const HOW = "\\x41" + "\\0".repeat(7) + "\\xed\\x09" + "\\0".repeat(6) + "\\0".repeat(8);

const ATTACKS: readonly RawCall[] = existing([
  ["chmod", "/data/file", 0o4755],
  ["fchmod", 3, 0o6755],
  ["fchmodat", HERE, "/data/file", 0o4755],
  ["fchmodat2", HERE, "/data/file", 0o4755, 0],
  ["open", "/data/a", CREATE, 0o4755],
  ["creat", "/data/b", 0o4755],
  ["openat", HERE, "/data/c", CREATE, 0o4755],
  ["openat", HERE, "/data", TMPFILE, 0o4755],
  ["mknod", "/data/d", 0o104755, 0],
  ["mknodat", HERE, "/data/e", 0o104755, 0],
]);
const HIDDEN: readonly RawCall[] = [
  ["openat2", HERE, "/data/f", HOW, 24],
  ["io_uring_setup", 1, "\\0".repeat(120)],
];

const everything = { rules: [], otherwise: "allow" } as const;
const PROFILES: Record<string, (box: Sandbox) => Sandbox> = {
  '"none"': (box) => box.seccomp("none"),
  "an OCI profile": (box) => box.seccomp({ defaultAction: "SCMP_ACT_ALLOW" }),
  "a compiled program": (box) =>
    box.seccomp({ bpf: compilePolicy({ ...everything, architectures: [ARCH] }) }),
  'filter.allow("chmod")': (box) =>
    box.seccomp(filter.allow("chmod", "fchmod", "fchmodat", "fchmodat2", "mknod", "mknodat")),
  'filter.allow("openat2")': (box) =>
    box.seccomp(filter.allow("openat2", "openat", "open", "creat", "io_uring_setup")),
  'filter.empty("allow")': (box) => box.seccomp(filter.empty("allow").deny("EXDEV", "getppid")),
  "a handler that lets all pass": (box) =>
    box.seccomp(filter.notify("fchmodat", "openat2", "mknodat"), (call) => call.proceed()),
  "a log": (box) => box.seccomp(filter.empty("allow").log("fchmodat", "mknodat"), { log: true }),
  "a pid 1": (box) => box.asPid1().seccomp("none"),
};

async function attack(box: Sandbox, folder: string, target = "/data"): Promise<void> {
  const rename = (calls: readonly RawCall[]) =>
    calls.map((call) =>
      call.map((word) => typeof word === "string" ? word.replace("/data", target) : word)
    ) as RawCall[];
  const results = await raw(
    box,
    ["openat", HERE, `${target}/file`, CREATE, 0o755],
    ...rename(ATTACKS),
    ...rename(HIDDEN),
    ["fchmodat", HERE, `${target}/file`, 0o700],
  );
  assertEquals(results, [
    "3",
    ...ATTACKS.map(() => "EPERM"),
    ...HIDDEN.map(() => "ENOSYS"),
    "0",
  ]);
  for (const { name } of Deno.readDirSync(folder)) {
    const { mode, uid } = Deno.lstatSync(`${folder}/${name}`);
    assertEquals([name, mode! & 0o7777, uid], ["file", 0o700, 0]);
  }
  await Deno.remove(`${folder}/file`);
}

const rootTest = (name: string, fn: () => Promise<void>) =>
  testIf(ROOT && installed("perl"), "only root's files are root's, and perl tries it", name, fn);

for (const [name, profiled] of Object.entries(PROFILES)) {
  rootTest(
    `${name} does not take the guard of set-uid files off`,
    () =>
      inFolder(async (folder) => {
        await attack(profiled(sandbox().bind(folder, "/data", { writable: true })), folder);
      }),
  );
}

rootTest("nor does Sandbox.empty() with walls of its own", () =>
  inFolder(async (folder) => {
    const box = Sandbox.empty().env("PATH", "/usr/bin:/bin");
    await attack(
      box.unshare("user", "mount").root("host").dev().bind(folder, "/data", { writable: true }),
      folder,
    );
    // Landlock says where root may write, but it does not look at modes.
    await attack(
      box.landlock({
        paths: [{ path: "/", allow: ["read", "write", "execute"] }],
        // Kernels before 6.10 do not know all that "write" stands for.
        optional: true,
      }),
      folder,
      folder,
    );
  }));

rootTest("nor a hook that adds something writable", () =>
  inFolder(async (folder) => {
    const plugin = defineHook({
      name: "late",
      preMount: (context) => {
        context.addMount({ kind: "bind", source: folder, target: "/data", writable: true });
      },
    });
    await attack(sandbox().seccomp("none").use(plugin), folder);
  }));

rootTest(
  "another ABI, whose calls the guard does not know, kills",
  () =>
    inFolder(async (folder) => {
      const box = sandbox().bind(folder, "/data", { writable: true }).seccomp("none");
      if (ARCH !== "x86_64") return;
      const { code } = await attempt(box, "perl -e 'syscall(0x40000000 + 39)'");
      assertEquals(code, 128 + 31);
    }),
);

rootTest(
  "plan() names the guard, and there is none where nothing of the host can be written",
  () =>
    inFolder(async (folder) => {
      const count = (box: Sandbox) =>
        box.plan().steps.filter(({ sentence }) => sentence.includes("guard of set-uid files"))
          .length;
      const writable = sandbox().bind(folder, "/data", { writable: true });
      const profile: SeccompProfile = { defaultAction: "SCMP_ACT_ALLOW" };
      assertEquals([count(writable.seccomp("none")), count(writable.seccomp(profile))], [1, 1]);
      assertEquals([count(writable), count(sandbox().seccomp("none"))], [0, 0]);
      assertEquals(count(Sandbox.empty()), 0);
      const status = "grep -c 'Seccomp:.0' /proc/self/status";
      assertEquals(await sh(sandbox().seccomp("none"), status), "1\n");
      const filters = await sh(
        writable.seccomp(profile),
        "grep Seccomp_filters /proc/self/status || echo 'Seccomp_filters: 2'",
      );
      assert(/\b2$/m.test(filters), filters);
    }),
);
