import { assert, assertEquals, assertRejects } from "@std/assert";
import { defineHook, Sandbox, sandbox, SpecError, StepError, UnsupportedError } from "../../mod.ts";
import { AT_FDCWD } from "../../lib/sys/abi/fcntl.ts";
import { MOUNT_ATTR_RDONLY } from "../../lib/sys/abi/mount.ts";
import { landlockVersion } from "../../lib/sys/landlock.ts";
import { attempt, inFolder, sh, testIf } from "./support.ts";

const VERSION = landlockVersion();
const lacks = (version: number) => `this kernel has version ${VERSION} of Landlock, not ${version}`;
/** Rules on files, as far as this kernel has them. */
const OPTIONAL = { optional: true };

/** No namespace at all: what an ordinary user has where user namespaces are forbidden. */
const ALONE = sandbox().share("cgroup", "ipc", "mount", "net", "pid", "user", "uts");

/** The folders that programs are in, and what they need of /dev. */
const PROGRAMS = ["/usr", "/bin", "/lib", "/lib64"].map((path) => ({
  path,
  allow: "execute" as const,
  optional: true,
}));
const NULL = { path: "/dev/null", allow: ["read", "write"] as ("read" | "write")[] };

testIf(VERSION > 0, "no Landlock", "from the mounts: daily work goes on", async () => {
  await inFolder(async (folder) => {
    await Deno.chmod(folder, 0o777);
    const box = sandbox().bind(folder, "/data", { writable: true })
      .landlock("from-mounts", OPTIONAL);
    const said = await sh(
      box,
      `set -e
      echo one > /tmp/a; cp /bin/true /tmp/t; /tmp/t; mkdir /tmp/d; mv /tmp/a /tmp/d/b
      ln /tmp/d/b /tmp/c; ln -s c /tmp/l; cat /tmp/l; rm /tmp/c; mkfifo /tmp/f
      echo two > /data/new; mkdir /data/sub; rmdir /data/sub; : > /data/new
      echo > /dev/null; echo x > /dev/shm/x; head -c 1 /dev/zero > /dev/null
      echo 7 > /proc/self/oom_score_adj; cat /proc/self/oom_score_adj; ls / > /dev/null; ps > /dev/null`,
    );
    assertEquals(said, "one\n7\n");
  });
});

testIf(VERSION > 0, "no Landlock", "from the mounts: a second wall behind the mounts", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/note`, "as it was");
    await Deno.chmod(folder, 0o777);
    await Deno.chmod(`${folder}/note`, 0o666);
    // A hole in the first wall: the bind is read-only no more.
    const hole = defineHook({
      name: "hole",
      async networkSetup({ inside }) {
        await inside.run({
          contents: {
            attr: new Uint8Array(
              new BigUint64Array([0n, BigInt(MOUNT_ATTR_RDONLY), 0n, 0n]).buffer,
            ),
          },
          operations: [{
            call: "mount_setattr",
            args: [AT_FDCWD, "/data", 0, { at: "attr" }, 32],
          }],
        });
      },
    });
    const box = sandbox().bind(folder, "/data").use(hole);
    const script = "echo changed >> /data/note; echo $?; touch /data/new; echo $?";
    const walled = await attempt(box.landlock("from-mounts", OPTIONAL), script);
    assertEquals(walled.stdout, "2\n1\n");
    assert(walled.stderr.includes("cannot create /data/note: Permission denied"), walled.stderr);
    assertEquals(await Deno.readTextFile(`${folder}/note`), "as it was");
    // Without it the hole is one.
    assertEquals((await attempt(box, "echo changed >> /data/note; echo $?")).stdout, "0\n");
  });
});

testIf(VERSION > 0, "no Landlock", "without any namespace: Landlock alone", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/in`);
    await Deno.mkdir(`${folder}/out`);
    await Deno.writeTextFile(`${folder}/out/secret`, "s");
    for (const path of ["in", "out"]) await Deno.chmod(`${folder}/${path}`, 0o777);
    await Deno.chmod(`${folder}/out/secret`, 0o666);
    const box = ALONE.cwd("/").landlock({
      paths: [...PROGRAMS, NULL, { path: `${folder}/in`, allow: "write" }],
    }, OPTIONAL);
    const said = await attempt(
      box,
      `cd ${folder}/in && echo mine > a && cat a
      cat ../out/secret; echo x > ../out/new; rm -f ../out/secret; ls ../out; ls /root /etc`,
    );
    assertEquals(said.stdout, "mine\n");
    assertEquals(said.stderr.match(/Permission denied/g)?.length, 6, said.stderr);
    assertEquals([...Deno.readDirSync(`${folder}/out`)].map(({ name }) => name), ["secret"]);
    // It is the host's view, and the plan says so.
    const plan = box.plan();
    assertEquals(plan.notIsolated.length, 7);
    assert(String(plan).includes("Not isolated:\n      files: it sees"), String(plan));
  });
});

Deno.test("a sandbox with its namespaces has nothing to confess", () => {
  assertEquals(sandbox().plan().notIsolated, []);
  assert(!String(sandbox().plan()).includes("Not isolated"));
  assertEquals(sandbox().share("pid").plan().notIsolated.length, 1);
});

testIf(VERSION >= 4, lacks(4), "TCP: the ports that are allowed, and no others", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = (one: Deno.Listener) => (one.addr as Deno.NetAddr).port;
  try {
    const box = sandbox().network("host").landlock({
      tcp: { connect: [port(listener)], bind: [] },
    });
    const connect = (to: number) =>
      `perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(PeerAddr => "127.0.0.1:${to}") ? "yes" : "no: $!", "\\n"'`;
    assertEquals(
      await sh(box, `${connect(port(listener))}; ${connect(port(other))}`),
      "yes\nno: Permission denied\n",
    );
    assertEquals(
      await sh(
        box,
        `perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1:0") ? "yes" : "no: $!"'`,
      ),
      "no: Permission denied",
    );
  } finally {
    listener.close();
    other.close();
  }
});

testIf(VERSION >= 6, lacks(6), "signals stay inside", async () => {
  const outside = new Deno.Command("sleep", { args: ["60"] }).spawn();
  try {
    const script = `sleep 60 & kill $! && echo own; kill -0 ${outside.pid} || kill -0 ${Deno.pid}`;
    // In a pid namespace of its own nothing else could be meant.
    const open = await attempt(ALONE, script);
    assertEquals([open.stdout, open.code], ["own\n", 0]);
    const kept = await attempt(ALONE.landlock({ scopes: ["signal"] }), script);
    assertEquals([kept.stdout, kept.code !== 0], ["own\n", true]);
  } finally {
    outside.kill("SIGKILL");
    await outside.status;
  }
});

testIf(VERSION > 0, "no Landlock", "a rule's path must exist, unless it is optional", async () => {
  const missing = { path: "/usr/none", allow: "read" as const };
  for (const box of [sandbox(), ALONE]) {
    const error = await assertRejects(
      () => box.landlock({ paths: [...PROGRAMS, missing], optional: true }).output(["true"]),
      StepError,
      "optional: true",
    );
    assertEquals(error.step, "landlock rules");
    const { success } = await box.landlock({
      paths: [...PROGRAMS, { ...missing, optional: true }],
      optional: true,
    }).output(["true"]);
    assert(success);
  }
});

testIf(VERSION > 0, "no Landlock", "a rule of a file has the rights that files have", async () => {
  const box = sandbox().file("/tmp/note", "old").landlock({
    paths: [...PROGRAMS, { path: "/tmp/note", allow: ["write", "make_dir"] }, {
      path: "/etc/passwd",
      allow: "make_dir",
    }],
  }, OPTIONAL);
  const said = await attempt(box, "echo new > /tmp/note; cat /tmp/note; cat /etc/passwd");
  assertEquals([said.stdout, said.code], ["new\n", 1]);
});

Deno.test("what this kernel lacks is an error before anything is started, or is named", async () => {
  const box = sandbox().landlock({ scopes: ["signal"] });
  if (VERSION >= 6) return assertEquals((await box.output(["true"])).skipped, []);
  await assertRejects(() => box.output(["true"]), UnsupportedError, "Linux 6.12");
  const { skipped } = await sandbox().landlock({ scopes: ["signal"], optional: true })
    .output(["true"]);
  assertEquals(skipped, [VERSION === 0 ? "landlock" : "landlock signal"]);
});

Deno.test("from the mounts needs mounts", async () => {
  await assertRejects(
    () => Sandbox.empty().landlock("from-mounts", OPTIONAL).output(["true"]),
    SpecError,
    'unshare("mount")',
  );
});

testIf(VERSION > 0, "no Landlock", "as pid 1, with hooks, with a directory as root", async () => {
  const box = sandbox().landlock("from-mounts", OPTIONAL);
  const script = "echo > /tmp/x && ! echo > /usr/x";
  const hook = defineHook({
    name: "scratch",
    preMount: (ctx) => ctx.addMount({ kind: "tmpfs", target: "/scratch" }),
  });
  assertEquals((await attempt(box.asPid1(), script)).code, 0);
  assertEquals((await attempt(box.use(hook), `echo > /scratch/x && ${script}`)).code, 0);
});
