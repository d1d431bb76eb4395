import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { type NamespaceKind, Sandbox, sandbox, StepError, SyscallError } from "../../mod.ts";
import { close, open } from "../../lib/sys/mod.ts";
import { NAMESPACE_FILE } from "../../lib/plan/namespace_steps.ts";
import { NAMESPACE_KINDS } from "../../lib/spec.ts";
import { lines, namespaceOf, ROOT, run, sh, testIf } from "./support.ts";

/** Deno's environment for commands in a bare sandbox. */
const bare = Sandbox.empty().env("PATH", "/usr/bin:/bin");

/** The link of a namespace as a command inside sees it. */
async function inside(box: Sandbox, kind: NamespaceKind): Promise<string> {
  return (await run(box, ["readlink", `/proc/self/ns/${NAMESPACE_FILE[kind]}`])).trim();
}

const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;

Deno.test("sandbox() makes every namespace but time anew", async () => {
  const files = NAMESPACE_KINDS.map((kind) => NAMESPACE_FILE[kind]);
  const found = lines(
    await sh(sandbox(), `for f in ${files.join(" ")}; do readlink /proc/self/ns/$f; done`),
  );
  NAMESPACE_KINDS.forEach((kind, index) => {
    const ours = namespaceOf("self", files[index]!);
    if (kind === "time") assertEquals(found[index], ours);
    else assertNotEquals(found[index], ours, kind);
  });
});

Deno.test("unshare() makes one new, and leaves the others shared", async () => {
  for (const kind of NAMESPACE_KINDS) {
    // An ordinary user needs a user namespace for any other.
    const box = bare.unshare("user", kind);
    for (const other of NAMESPACE_KINDS) {
      // Without a mount namespace of its own /proc is the host's, where the links are told apart
      // all the same; with a pid namespace too, "self" does not exist there.
      if (kind === "pid") continue;
      const found = kind === "mount"
        ? await inside(box.mount({ kind: "proc", target: "/proc" }), other)
        : await inside(box, other);
      const fresh = other === kind || other === "user";
      assertEquals(
        found !== namespaceOf("self", NAMESPACE_FILE[other]),
        fresh,
        `${kind}: ${other}`,
      );
    }
  }
});

Deno.test("unshare(pid) alone: the host sees the command in another pid namespace", async () => {
  await using child = await bare.unshare("user", "pid").spawn(["sleep", "30"], quiet);
  assertNotEquals(namespaceOf(child.pid, "pid"), namespaceOf("self", "pid"));
  assertEquals(namespaceOf(child.pid, "mnt"), namespaceOf("self", "mnt"));
});

for (const kind of NAMESPACE_KINDS.filter((kind) => kind !== "user" && kind !== "time")) {
  Deno.test(`share("${kind}") leaves it the host's and the others new`, async () => {
    const box = sandbox().share(kind);
    assertEquals(await inside(box, kind), namespaceOf("self", NAMESPACE_FILE[kind]));
    const other = kind === "uts" ? "ipc" : "uts";
    assertNotEquals(await inside(box, other), namespaceOf("self", NAMESPACE_FILE[other]));
  });
}

testIf(
  ROOT,
  "only root makes namespaces without a user namespace",
  'share("user") as root',
  async () => {
    const box = sandbox().share("user");
    assertEquals(await inside(box, "user"), namespaceOf("self", "user"));
    assertNotEquals(await inside(box, "net"), namespaceOf("self", "net"));
    const status = await run(box, ["cat", "/proc/self/status"]);
    assertMatch(status, /^CapEff:\t0{16}$/m);
    assertMatch(status, /^CapBnd:\t0{16}$/m);
    assertMatch(status, /^Uid:\t0\t0\t0\t0$/m);
  },
);

testIf(
  !ROOT,
  "root may",
  'share("user") as an ordinary user is a StepError that says what to do',
  async () => {
    const error = await assertRejects(() => sandbox().share("user").output(["true"]), StepError);
    assertEquals(error.step, "clone");
    assertEquals((error.cause as SyscallError).code, "EPERM");
    assertMatch(error.message, /root/);
  },
);

/** Runs `use` with a sandbox that is alive, whose namespaces can be joined. */
async function withTarget(use: (pid: number) => Promise<void>): Promise<void> {
  await using target = await sandbox().hostname("target").unshare("time")
    .spawn(["sleep", "60"], quiet);
  await use(target.pid);
}

const JOINABLE = NAMESPACE_KINDS.filter((kind) => kind !== "user");

testIf(
  ROOT,
  "joining one namespace alone needs root",
  "join() of each kind by pid, path and fd",
  async () => {
    await withTarget(async (pid) => {
      for (const kind of JOINABLE) {
        const file = NAMESPACE_FILE[kind];
        const expected = namespaceOf(pid, file);
        assertNotEquals(expected, namespaceOf("self", file), kind);
        const fd = open(`/proc/${pid}/ns/${file}`);
        try {
          for (const target of [{ pid }, `/proc/${pid}/ns/${file}`, { fd }]) {
            const box = bare.join(kind, target);
            await using child = await box.spawn(["sleep", "30"], quiet);
            assertEquals(
              namespaceOf(child.pid, file),
              expected,
              `${kind} ${JSON.stringify(target)}`,
            );
            for (const other of NAMESPACE_KINDS.filter((other) => other !== kind)) {
              assertEquals(
                namespaceOf(child.pid, NAMESPACE_FILE[other]),
                namespaceOf("self", NAMESPACE_FILE[other]),
                `${kind} leaves ${other}`,
              );
            }
          }
        } finally {
          close(fd);
        }
      }
    });
  },
);

testIf(
  ROOT,
  "joining net without its owner's user namespace needs root",
  "join(net) beside new namespaces",
  async () => {
    await withTarget(async (pid) => {
      const box = sandbox().join("net", { pid });
      await using child = await box.spawn(["sleep", "30"], quiet);
      assertEquals(namespaceOf(child.pid, "net"), namespaceOf(pid, "net"));
      for (const file of ["mnt", "pid", "uts", "user"]) {
        assertNotEquals(namespaceOf(child.pid, file), namespaceOf("self", file), file);
        assertNotEquals(namespaceOf(child.pid, file), namespaceOf(pid, file), file);
      }
    });
  },
);

Deno.test("an ordinary user and root join a sandbox with its user namespace", async () => {
  await withTarget(async (pid) => {
    const kinds = ["user", "uts", "ipc", "net"] as const;
    let box = bare;
    for (const kind of kinds) box = box.join(kind, { pid });
    await using child = await box.spawn(["sleep", "30"], quiet);
    for (const kind of kinds) {
      const file = NAMESPACE_FILE[kind];
      assertEquals(namespaceOf(child.pid, file), namespaceOf(pid, file), kind);
    }
    assertEquals(namespaceOf(child.pid, "mnt"), namespaceOf("self", "mnt"));
    assertMatch(Deno.readTextFileSync(`/proc/${child.pid}/status`), /^CapEff:\t0{16}$/m);
    assertEquals((await run(box, ["uname", "-n"])).trim(), "target");
  });
});

Deno.test("joining what is no namespace, or one that is gone, is an error with its path", async () => {
  const gone = await assertRejects(
    () => bare.join("net", "/proc/self/ns/nothing").output(["true"]),
    SyscallError,
  );
  assertEquals(gone.code, "ENOENT");
  assertMatch(gone.message, /\/proc\/self\/ns\/nothing/);
  const wrong = await assertRejects(
    () => bare.join("net", "/proc/self/ns/uts").output(["true"]),
    StepError,
  );
  assertEquals(wrong.step, "join net");
  assertEquals((wrong.cause as SyscallError).syscall, "setns");
  assert(["EINVAL", "EPERM"].includes((wrong.cause as SyscallError).code));
});

Deno.test("hostname and domain name inside differ from outside", async () => {
  const box = sandbox().hostname("fern").domainname("forest");
  assertEquals(
    await sh(box, "uname -n; cat /proc/sys/kernel/domainname"),
    "fern\nforest\n",
  );
  assertNotEquals(Deno.hostname(), "fern");
});

Deno.test("clocks are shifted: forward, back, by fractions", async () => {
  const uptime = async (box: Sandbox) =>
    Number((await run(box, ["cat", "/proc/uptime"])).split(" ")[0]);
  const before = await uptime(sandbox());
  const later = await uptime(sandbox().timeOffset({ boottime: "2d" }));
  assert(Math.abs(later - before - 2 * 86_400) < 60, `${before} ${later}`);
  const earlier = await uptime(sandbox().timeOffset({ boottime: -1500 }));
  assert(earlier < before, `${before} ${earlier}`);
  const offsets = await run(
    sandbox().timeOffset({ monotonic: "-1.5s", boottime: 250 }),
    ["cat", "/proc/self/timens_offsets"],
  );
  assertEquals(
    lines(offsets).map((line) => line.split(/\s+/).filter(Boolean)),
    [["monotonic", "-2", "500000000"], ["boottime", "0", "250000000"]],
  );
  assertNotEquals(
    await inside(sandbox().unshare("time"), "time"),
    namespaceOf("self", "time"),
  );
});

Deno.test("an offset that puts a clock below zero is a StepError", async () => {
  const error = await assertRejects(
    () => sandbox().timeOffset({ boottime: "-9999d" }).output(["true"]),
    StepError,
  );
  assertEquals(error.step, "time");
  assertEquals((error.cause as SyscallError).code, "ERANGE");
});

Deno.test("network(host) is the host's network, network(none) its own", async () => {
  assertEquals(await inside(sandbox().network("host"), "net"), namespaceOf("self", "net"));
  assertNotEquals(await inside(sandbox().network("none"), "net"), namespaceOf("self", "net"));
  const devices = await run(sandbox().network("host"), ["cat", "/proc/net/dev"]);
  assertEquals(
    devices.split("\n").length,
    Deno.readTextFileSync("/proc/net/dev").split("\n").length,
  );
});

Deno.test("share(mount) sees the host's files", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.chmod(path, 0o644);
    await Deno.writeTextFile(path, "shared");
    assertEquals(await run(sandbox().share("mount"), ["cat", path]), "shared");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("share(pid) binds the host's /proc, and leaves no stragglers", async () => {
  const tag = `${Deno.pid}.321`;
  const box = sandbox().share("pid");
  const output = await run(box, [
    "sh",
    "-c",
    `for n in 1 2 3; do setsid sleep ${tag}$n > /dev/null 2>&1 & done; sleep 0.05; readlink /proc/self/ns/pid`,
  ]);
  assertEquals(output.trim(), namespaceOf("self", "pid"));
  const { processesWith, until } = await import("./support.ts");
  assert(await until(() => processesWith(tag).length === 0, 1000), `${processesWith(tag)}`);
});
