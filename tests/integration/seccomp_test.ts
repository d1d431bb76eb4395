/**
 * Filters in force: what a program in a sandbox gets from the kernel.
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { call, filter, int, Sandbox, sandbox, SpecError } from "../../mod.ts";
import { compilePolicy } from "../../lib/seccomp/compile.ts";
import { ARCH, syscallNumber } from "../../lib/sys/mod.ts";
import { existing, raw } from "./raw_calls.ts";
import { attempt, inFolder, installed, lines, ROOT, run, sh, testIf } from "./support.ts";

const PERL = installed("perl");
const perlTest = (name: string, fn: () => Promise<void>) => testIf(PERL, "no perl", name, fn);

perlTest("the default filter is in force for the command and not for pid 1", async () => {
  const box = sandbox();
  assertEquals(await sh(box, "grep -c 'Seccomp:.2' /proc/self/status"), "1\n");
  await using child = await box.spawn(["sleep", "60"], { stdin: "null" });
  const parent = /PPid:\s*(\d+)/.exec(Deno.readTextFileSync(`/proc/${child.pid}/status`))![1];
  assert(/^Seccomp:\s*2$/m.test(Deno.readTextFileSync(`/proc/${child.pid}/status`)));
  assert(/^Seccomp:\s*0$/m.test(Deno.readTextFileSync(`/proc/${parent}/status`)));
});

perlTest("what the default profile blocks is blocked", async () => {
  const HIGH = 2 ** 40;
  const results = await raw(
    sandbox(),
    ["unshare", 0x1000_0000],
    ["clone3", 0, 0],
    ["mount", 0, 0, 0, 0, 0],
    ["ptrace", 0, 0, 0, 0],
    ["bpf", 0, 0, 0],
    ["io_uring_setup", 1, 0],
    ["keyctl", 0, 0, 0, 0, 0],
    ["userfaultfd", 0],
    ["perf_event_open", 0, 0, 0, 0, 0],
    ["ioctl", 0, 0x5412, 0],
    ["ioctl", 0, HIGH + 0x5412, 0],
    ["ioctl", 0, HIGH + 0x541c, 0],
    ["socket", 40, 1, 0],
    ["socket", HIGH + 40, 1, 0],
    ["socket", 38, 5, 0],
    ["personality", 0x400_0000],
    ["init_module", 0, 0, 0],
    ["setns", 0, 0],
    ["open_by_handle_at", 0, 0, 0],
  );
  assertEquals(results, [
    ...["EPERM", "ENOSYS", "EPERM", "EPERM", "EPERM", "ENOSYS", "EPERM", "EPERM", "EPERM"],
    ...["EPERM", "EPERM", "EPERM", "EAFNOSUPPORT", "EAFNOSUPPORT", "EAFNOSUPPORT"],
    ...["EPERM", "EPERM", "EPERM", "EPERM"],
  ]);
});

testIf(
  PERL && installed("python3") && ARCH === "x86_64",
  "x32 and i386 are x86_64's, and perl and python3 try them",
  "x32 and i386 kill",
  async () => {
    const x32 = await attempt(sandbox(), "perl -e 'syscall(0x40000000 + 39)'");
    assertEquals([x32.code, x32.stderr], [128 + 31, "Bad system call\n"]);
    // int $0x80, getpid. Perl can be made to call bytes: a shared library's init would be another way.
    const { stdout, code } = await attempt(
      sandbox(),
      `python3 -c '
import ctypes, mmap
m = mmap.mmap(-1, 4096, prot=7)
m.write(b"\\xb8\\x14\\0\\0\\0\\xcd\\x80\\xc3")
f = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))
print(f())'`,
    );
    assertEquals([stdout, code], ["", 128 + 31]);
  },
);

perlTest('"none" is none, and Sandbox.empty() has none', async () => {
  for (const box of [sandbox().seccomp("none"), Sandbox.empty().env("PATH", "/usr/bin:/bin")]) {
    assertEquals(await sh(box, "grep -c 'Seccomp:.0' /proc/self/status"), "1\n");
  }
  // The other wall behind it.
  assertEquals(await raw(sandbox().seccomp("none"), ["unshare", 0x1000_0000]), ["ENOSPC"]);
});

perlTest("rules in front of the default profile", async () => {
  const policy = filter
    .deny("EXDEV", "getppid", call("kill", int(1).equal(0)))
    .allow("keyctl");
  const results = await raw(
    sandbox().seccomp(policy),
    ["getppid"],
    ["kill", 1, 0],
    ["mount", 0, 0, 0, 0, 0],
    ["keyctl", 99, 0, 0, 0, 0],
  );
  assertEquals(results, ["EXDEV", "EXDEV", "EPERM", "EOPNOTSUPP"]);
});

perlTest("a policy of its own, with kill and trap", async () => {
  const policy = filter.empty("allow").kill("sched_yield").trap("getpgrp", "getpgid");
  const killed = await attempt(
    sandbox().seccomp(policy),
    `perl -e 'syscall(${syscallNumber("sched_yield")})' || echo $?`,
  );
  assertEquals(killed.stdout, "159\n");
  const { stdout } = await attempt(
    sandbox().seccomp(policy),
    `perl -e '$SIG{SYS} = sub { print "caught\\n"; exit }; getpgrp(1)'`,
  );
  assertEquals(stdout, "caught\n");
});

perlTest("an OCI profile and a compiled program", async () => {
  const profile = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["getppid"], action: "SCMP_ACT_ERRNO", errnoRet: 18 }],
  };
  assertEquals(await raw(sandbox().seccomp(profile), ["getppid"]), ["EXDEV"]);
  const bpf = compilePolicy({
    rules: [{ calls: ["getppid"], action: { errno: "EDOM" } }],
    otherwise: "allow",
    architectures: [ARCH],
  });
  assertEquals(await raw(sandbox().seccomp({ bpf }), ["getppid"]), ["EDOM"]);
});

perlTest("a kept capability opens what is of no use without it", async () => {
  const box = sandbox().user(0).capabilities(["CAP_SYS_ADMIN"]);
  const mount = "mount -t tmpfs none /tmp && echo mounted";
  assertEquals((await attempt(box, mount)).stdout, "mounted\n");
  assertEquals((await attempt(sandbox().user(0), mount)).stdout, "");
  assertEquals(await raw(box, ["unshare", 0x1000_0000]), ["EPERM"]);
});

testIf(
  ROOT && PERL,
  "only root's files are root's",
  "no set-uid file gets onto the host, and elsewhere they do no harm",
  async () => {
    await inFolder(async (folder) => {
      await Deno.chmod(folder, 0o777);
      const box = sandbox().bind(folder, "/data", { writable: true });
      const at = -100;
      const attack = existing([
        ["chmod", "/data/file", 0o4755],
        ["fchmodat", at, "/data/file", 0o4755],
        ["openat", at, "/data/new", 0o101, 0o4755],
        ["openat", at, "/data", 0o20200002, 0o4755],
        ["mknodat", at, "/data/node", 0o104755, 0],
      ]);
      assertEquals(
        await raw(box, ["openat", at, "/data/file", 0o101, 0o755], ...attack),
        ["3", ...attack.map(() => "EPERM")],
      );
      assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["file"]);
      assertEquals(Deno.statSync(`${folder}/file`).mode! & 0o7777, 0o755);
      assertEquals((await attempt(box, "chmod 644 /data/file && touch /data/x")).code, 0);
      // In memory of the sandbox's own.
      assertEquals((await attempt(sandbox(), "touch /tmp/a && chmod 4755 /tmp/a")).code, 0);
    });
  },
);

Deno.test("ordinary programs do not notice", async () => {
  const script = `
    set -e
    cd /tmp
    sh -c 'echo one | cat | tr a-z A-Z'
    ls -l / > /dev/null; find /usr/share/doc -maxdepth 1 > /dev/null; tar cf x.tar /etc/passwd 2>/dev/null
    mkfifo fifo; (echo two > fifo &); cat fifo
    sleep 0.01; date > /dev/null; nice true; timeout 1 true; id > /dev/null
    touch a; ln a b; mv b c; chmod 600 a; rm a c
  `;
  assertEquals(await sh(sandbox(), script), "ONE\ntwo\n");
  if (installed("python3")) {
    const python = `
import socket, subprocess, threading, multiprocessing, tempfile, os
threads = [threading.Thread(target=print, args=(n,)) for n in range(2)]
[t.start() for t in threads]; [t.join() for t in threads]
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
c = socket.create_connection(s.getsockname()); c.close()
print(subprocess.run(["echo", "child"], capture_output=True).stdout)
with tempfile.TemporaryFile() as f: f.write(b"x")
print(socket.getaddrinfo("127.0.0.1", 80)[0][4])
`;
    assertEquals(
      lines(await run(sandbox(), ["python3", "-c", python])),
      ["0", "1", "b'child\\n'", "('127.0.0.1', 80)"],
    );
  }
});

Deno.test("Deno itself runs behind the default filter", async () => {
  const box = sandbox().bind(Deno.execPath(), "/opt/deno").env({
    NO_COLOR: "1",
    DENO_DIR: "/tmp/d",
  });
  const program = "console.log((await Promise.all([1, 2].map((n) => n + 1))).join());" +
    'await Deno.writeTextFile("/tmp/x", "y"); console.log(await Deno.readTextFile("/tmp/x"));';
  assertEquals(await run(box, ["/opt/deno", "eval", program]), "2,3\ny\n");
});

Deno.test("a broken profile is a SpecError, from plan() and from a launch", async () => {
  const box = sandbox().seccomp({
    rules: [{ calls: ["nosuch" as "read"], action: "allow" }],
    otherwise: "allow",
  });
  assertThrows(
    () => box.plan(),
    SpecError,
    'seccomp.profile.rules[0].calls[0]: "nosuch" is no system call',
  );
  await assertRejects(() => box.output(["true"]), SpecError);
  assertThrows(() => sandbox().seccomp("deflaut" as "default"), SpecError, '"deflaut"');
  assertThrows(() => sandbox().seccomp({ bpf: new Uint8Array(8) }).plan(), SpecError, "bpf");
});
