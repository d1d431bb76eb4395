import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { defineHook, Sandbox, sandbox } from "../../mod.ts";
import { close, open, syscall } from "../../lib/sys/mod.ts";
import { attempt, installed, lines, run, runProgram, sh, testIf, text } from "./support.ts";

const box = sandbox();

Deno.test("the hostname is paddock", async () => {
  assertEquals(await run(box, ["uname", "-n"]), "paddock\n");
});

Deno.test("the uid and gid inside are the caller's, without other groups", async () => {
  const status = await run(box, ["cat", "/proc/self/status"]);
  const uid = Deno.uid(), gid = Deno.gid();
  assertMatch(status, new RegExp(`^Uid:\t${uid}\t${uid}\t${uid}\t${uid}$`, "m"));
  assertMatch(status, new RegExp(`^Gid:\t${gid}\t${gid}\t${gid}\t${gid}$`, "m"));
});

Deno.test("there is no capability, in no set, and no_new_privs holds", async () => {
  const status = await run(box, ["cat", "/proc/self/status"]);
  for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
    assertMatch(status, new RegExp(`^${set}:\t0{16}$`, "m"));
  }
  assertMatch(status, /^NoNewPrivs:\t1$/m);
});

Deno.test("only the sandbox's own processes are seen, and pid 1 cannot be looked into", async () => {
  const seen = lines(await sh(box, "cd /proc; for p in [0-9]*; do echo $p; done")).map(Number);
  assert(seen.includes(1), String(seen));
  assert(seen.length <= 3, `more than pid 1 and the shell: ${seen}`);
  for (const secret of ["mem", "environ", "maps", "auxv"]) {
    const { success } = await box.output(["cat", `/proc/1/${secret}`]);
    assert(!success, `/proc/1/${secret} can be read`);
  }
  for (const link of ["exe", "root", "cwd", "fd/0", "ns/net"]) {
    const { success } = await box.output(["readlink", `/proc/1/${link}`]);
    assert(!success, `/proc/1/${link} can be followed`);
  }
});

Deno.test("the only network device is lo, and it is up", async () => {
  const devices = lines(await run(box, ["cat", "/proc/net/dev"])).slice(2)
    .map((line) => line.split(":")[0]!.trim());
  assertEquals(devices, ["lo"]);
  let flags = 0;
  await run(
    box.use(defineHook({
      name: "flags",
      async networkSetup({ inside }) {
        const request = new Uint8Array(40);
        request.set(new TextEncoder().encode("lo"));
        const result = await inside.run({
          contents: { request },
          operations: [
            { call: "socket", args: [2, 2, 0], store: "socket" },
            { call: "ioctl", args: [{ load32: "socket" }, 0x8913, { at: "request" }] },
            { call: "close", args: [{ load32: "socket" }] },
          ],
        });
        const bytes = result.bytes("request", 40);
        flags = new DataView(bytes.buffer, bytes.byteOffset).getUint16(16, true);
      },
    })),
    ["true"],
  );
  assertEquals(flags & 1, 1, "IFF_UP");
  assertMatch(await run(box, ["cat", "/proc/net/fib_trie"]), /127\.0\.0\.1/);
});

Deno.test("the root holds the system's folders and nothing else of the host", async () => {
  const folders = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"].filter((name) => {
    try {
      Deno.lstatSync(`/${name}`);
      return true;
    } catch {
      return false;
    }
  });
  const expected = [...folders, "dev", "etc", "proc", "run", "tmp"].sort();
  assertEquals(lines(await run(box, ["ls", "-A", "/"])).sort(), expected);
  assertEquals(await run(box, ["ls", "-A", "/tmp"]), "");
  assertEquals(await run(box, ["ls", "-A", "/run"]), "");
});

Deno.test("there are no secrets of the host in /etc", async () => {
  for (
    const name of ["shadow", "gshadow", "sudoers", "ssl/private", "ssh", "subuid", "machine-id"]
  ) {
    const { success } = await box.output(["ls", "-d", `/etc/${name}`]);
    assert(!success, `/etc/${name} is there`);
  }
});

Deno.test("/etc has what programs need", async () => {
  assertEquals(await run(box, ["cat", "/etc/passwd"]), Deno.readTextFileSync("/etc/passwd"));
  assertEquals(await run(box, ["cat", "/etc/group"]), Deno.readTextFileSync("/etc/group"));
});

Deno.test("nothing but /tmp, /run and /dev can be written", async () => {
  for (const place of ["/", "/usr", "/etc", "/usr/bin", "/proc"]) {
    const { success, stderr } = await box.output(["touch", `${place}/paddock-test`]);
    assert(!success, `${place} can be written`);
    assertMatch(text(stderr), /Read-only file system|Permission denied|No such file/);
  }
  const { success } = await attempt(box, "echo x > /etc/passwd");
  assert(!success);
  await sh(box, "echo x > /tmp/x && echo x > /dev/shm/x");
});

Deno.test("every mount is nosuid, and no device works but those of /dev", async () => {
  const mounts = lines(await run(box, ["cat", "/proc/self/mountinfo"]));
  for (const mount of mounts) {
    const [, , , , point, options] = mount.split(" ");
    if (point!.startsWith("/dev/") && !["/dev/shm", "/dev/pts"].includes(point!)) continue;
    assert(options!.split(",").includes("nosuid"), mount);
    if (!point!.startsWith("/dev")) assert(options!.split(",").includes("nodev"), mount);
  }
});

Deno.test("/dev is minimal and its devices work", async () => {
  const names = lines(await run(box, ["ls", "-A", "/dev"])).sort();
  assertEquals(names, [
    "fd",
    "full",
    "null",
    "ptmx",
    "pts",
    "random",
    "shm",
    "stderr",
    "stdin",
    "stdout",
    "tty",
    "urandom",
    "zero",
  ]);
  assertEquals(
    await sh(
      box,
      "echo gone > /dev/null; head -c 3 /dev/zero | od -An -tx1; head -c 16 /dev/urandom | wc -c; stat -c %a /dev/shm",
    ),
    " 00 00 00\n16\n1777\n",
  );
  const full = await attempt(box, "echo x > /dev/full");
  assert(!full.success);
});

Deno.test("no descriptor beyond 0, 1 and 2 reaches the command", async () => {
  assertEquals(await sh(box, "ls /proc/$$/fd"), "0\n1\n2\n");
});

Deno.test("a descriptor that the program left inheritable does not reach the command", async () => {
  const fd = open("/etc/passwd");
  syscall("fcntl", fd, 2, 0); // F_SETFD: no FD_CLOEXEC
  try {
    assertEquals(await sh(box, "ls /proc/$$/fd"), "0\n1\n2\n");
    assertEquals(
      await sh(Sandbox.empty().env("PATH", "/usr/bin:/bin"), "ls /proc/$$/fd"),
      "0\n1\n2\n",
    );
    // An agent that is started now inherits it, and must close it.
    const { stdout } = await runProgram(`
      const { stdout } = await sandbox().output(["sh", "-c", "ls /proc/$$/fd"]);
      await Deno.stdout.write(stdout);
    `);
    assertEquals(stdout, "0\n1\n2\n");
  } finally {
    close(fd);
  }
});

Deno.test("the environment is PATH, HOME, TERM and LANG", async () => {
  const before = { TERM: Deno.env.get("TERM"), LANG: Deno.env.get("LANG") };
  Deno.env.set("TERM", "dumb");
  Deno.env.set("LANG", "C");
  Deno.env.set("PADDOCK_SECRET", "1");
  try {
    const environ = await run(box, ["cat", "/proc/self/environ"]);
    assertEquals(environ.split("\0").filter(Boolean).sort(), [
      "HOME=/tmp",
      "LANG=C",
      `PATH=${Deno.env.get("PATH")}`,
      "TERM=dumb",
    ]);
  } finally {
    Deno.env.delete("PADDOCK_SECRET");
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
});

Deno.test("the working directory is /, the umask the caller's", async () => {
  assertEquals(await run(box, ["pwd"]), "/\n");
  assertEquals(
    Number.parseInt(await sh(box, "umask"), 8),
    Deno.umask(),
  );
});

Deno.test("the soft limit of open files is the caller's shell's, not Deno's raised one", async () => {
  const limits = Deno.readTextFileSync(`/proc/${Deno.ppid}/limits`);
  const soft = /^Max open files\s+(\S+)/m.exec(limits)![1];
  assertEquals((await sh(box, "ulimit -Sn")).trim(), soft);
});

Deno.test("the command leads a session and a process group of its own", async () => {
  const stat = await sh(box, "cat /proc/$$/stat");
  const [pid, ...rest] = stat.replace(/\(.*\)/, "sh").split(" ");
  assertEquals(rest[3], pid, "process group");
  assertEquals(rest[4], pid, "session");
  assertEquals(rest[5], "0", "no controlling terminal");
});

Deno.test("no signal is blocked, and none is ignored that another child would not ignore", async () => {
  const command = ["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"];
  const { stdout } = await new Deno.Command(command[0]!, { args: command.slice(1) }).output();
  assertEquals(await run(box, command), text(stdout));
});

Deno.test("no keyring, cgroup, ipc object of the host is seen", async () => {
  assertEquals(
    lines(await run(box, ["cat", "/proc/self/cgroup"])).every((line) => line.endsWith(":/")),
    true,
  );
  assertEquals(lines(await run(box, ["cat", "/proc/sysvipc/shm"])).length, 1);
});

testIf(
  installed("unshare"),
  "unshare is not installed",
  "user namespaces inside are refused",
  async () => {
    const { success, stderr } = await box.output(["unshare", "-U", "true"]);
    assert(!success);
    assertMatch(text(stderr), /No space left|Operation not permitted/);
    assertEquals(await run(box, ["cat", "/proc/sys/user/max_user_namespaces"]), "0\n");
  },
);

Deno.test("Sandbox.empty() shares everything and has an empty environment", async () => {
  const empty = Sandbox.empty();
  assertEquals(await run(empty, ["/bin/cat", "/proc/self/environ"]), "");
  for (const file of ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"]) {
    assertEquals(
      (await run(empty, ["/bin/readlink", `/proc/self/ns/${file}`])).trim(),
      Deno.readLinkSync(`/proc/self/ns/${file}`),
    );
  }
});

Deno.test("two sandboxes do not see each other's files and processes", async () => {
  await using first = await box.spawn(["sh", "-c", "echo mine > /tmp/mine; exec sleep 30"], {
    stdin: "null",
    stdout: "null",
    stderr: "null",
  });
  assertNotEquals(first.pid, 0);
  assertEquals(await run(box, ["ls", "-A", "/tmp"]), "");
});

Deno.test("the host sees the command under an ordinary uid, never as root", async () => {
  await using child = await box.spawn(["sleep", "30"], {
    stdin: "null",
    stdout: "null",
    stderr: "null",
  });
  const status = Deno.readTextFileSync(`/proc/${child.pid}/status`);
  const [, uid] = /^Uid:\t(\d+)/m.exec(status)!;
  if (Deno.uid() === 0) assertNotEquals(uid, "0");
  else assertEquals(uid, String(Deno.uid()));
  assertMatch(status, /^CapBnd:\t0{16}$/m);
});
