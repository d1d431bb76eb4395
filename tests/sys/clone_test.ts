import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  CLONE_FILES,
  CLONE_INTO_CGROUP,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  CLONE_VM,
  close,
  O_RDWR,
  open,
  pidfdSendSignal,
  pipe,
  type RawSpawnOptions,
  readAll,
  spawnRaw,
  SyscallError,
  waitPidfd,
  type WaitResult,
} from "../../lib/sys/mod.ts";
import { CLONE_CODE } from "../../lib/sys/clone_code.ts";
import type { Arch } from "../../lib/sys/arch.ts";

/** Runs a program to its end; its output, and how it ended. */
function output(options: Omit<RawSpawnOptions, "stdio">): { text: string; end: WaitResult } {
  const [reader, writer] = pipe();
  const nothing = open("/dev/null", { flags: O_RDWR });
  try {
    const child = spawnRaw({ ...options, stdio: [nothing, writer, writer] });
    close(writer);
    const text = new TextDecoder().decode(readAll(reader));
    const end = waitPidfd(child.pidfd)!;
    close(child.pidfd);
    return { text, end };
  } finally {
    close(reader);
    close(nothing);
  }
}

async function assemble(arch: Arch): Promise<string> {
  const folder = await Deno.makeTempDir();
  const source = new URL(`../../lib/sys/clone_${arch}.S`, import.meta.url).pathname;
  const run = async (tool: string, ...args: string[]) => {
    const { success, stderr } = await new Deno.Command(`${arch}-linux-gnu-${tool}`, { args })
      .output();
    assert(success, new TextDecoder().decode(stderr));
  };
  try {
    await run("as", "-o", `${folder}/code.o`, source);
    await run("objcopy", "-O", "binary", "-j", ".text", `${folder}/code.o`, `${folder}/code`);
    const bytes = await Deno.readFile(`${folder}/code`);
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const arch of ["x86_64", "aarch64"] as const) {
  Deno.test(`clone: the bytes are what clone_${arch}.S assembles to`, async () => {
    let assembled: string;
    try {
      assembled = await assemble(arch);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      console.log(`skipped: no binutils for ${arch}`);
      return;
    }
    assertEquals(CLONE_CODE[arch], assembled);
  });
}

Deno.test("clone: 200 programs in new user, mount, pid and uts namespaces", () => {
  const fds = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const before = fds();
  for (let i = 0; i < 200; i++) {
    const child = spawnRaw({
      flags: CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS,
      path: "/bin/true",
    });
    assertEquals(waitPidfd(child.pidfd)!.code, 0);
    close(child.pidfd);
  }
  assertEquals(fds(), before);
});

Deno.test("clone: steps run inside the new namespaces", () => {
  const { text, end } = output({
    flags: CLONE_NEWUSER | CLONE_NEWUTS | CLONE_NEWPID,
    path: "/bin/sh",
    argv: ["sh", "-c", "uname -n; echo $$; pwd; echo $NAME; cat /proc/self/status"],
    env: { NAME: "välue", PATH: "/bin:/usr/bin" },
    steps: [
      { name: "sethostname", args: ["fern", 4] },
      { name: "chdir", args: ["/usr"] },
    ],
  });
  assertEquals(text.split("\n").slice(0, 4), ["fern", "1", "/usr", "välue"]);
  assertEquals(end.code, 0);
  // Nothing of Deno's: no signal blocked or ignored, no descriptor.
  assert(/^SigBlk:\t0+$/m.test(text), text);
  // What the caller's own caller had it ignore stays ignored, as nohup(1) needs it; but not what
  // Deno ignores for itself.
  const ignored = (status: string) => BigInt(`0x${/^SigIgn:\t(\w+)$/m.exec(status)![1]}`);
  const own = ignored(Deno.readTextFileSync("/proc/self/status"));
  const sigpipe = 1n << 12n;
  assertEquals(ignored(text) & ~own, 0n);
  assertEquals(ignored(text) & sigpipe, 0n);
});

Deno.test("clone: only 0 to 2 are left open, in any order", () => {
  const { text } = output({ path: "/bin/ls", argv: ["ls", "/proc/self/fd"] });
  assertEquals(text, "0\n1\n2\n3\n"); // 3 is the folder that ls reads

  const [reader, writer] = pipe();
  const child = spawnRaw({
    path: "/bin/sh",
    argv: ["sh", "-c", "echo out; echo err >&2"],
    stdio: [2, writer, writer],
  });
  close(writer);
  assertEquals(new TextDecoder().decode(readAll(reader)), "out\nerr\n");
  waitPidfd(child.pidfd);
  close(child.pidfd);
  close(reader);
});

Deno.test("clone: a signal ends it, and says so", () => {
  const child = spawnRaw({ path: "/bin/sleep", argv: ["sleep", "60"] });
  pidfdSendSignal(child.pidfd, "SIGKILL");
  assertEquals(waitPidfd(child.pidfd)!.signal, "SIGKILL");
  close(child.pidfd);
});

Deno.test("clone: a step that fails is named", () => {
  const fds = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const before = fds();
  const exec = assertThrows(() => spawnRaw({ path: "/nowhere/program" }), SyscallError);
  assertEquals(
    exec.message,
    'execve "/nowhere/program": ENOENT (no such file or directory)',
  );
  const mount = assertThrows(
    () =>
      spawnRaw({
        flags: CLONE_NEWUSER | CLONE_NEWNS,
        path: "/bin/true",
        steps: [
          { name: "mount", args: ["none", "/", null, 0x44000, null] },
          { name: "mount", args: ["/nowhere", "/there", null, 4096, null] },
        ],
      }),
    SyscallError,
  );
  assertEquals(mount.syscall, "mount");
  assertEquals(mount.code, "ENOENT");
  assertEquals(mount.path, "/nowhere");
  assertEquals(mount.dest, "/there");
  const clone = assertThrows(
    () => spawnRaw({ flags: CLONE_NEWNS + CLONE_INTO_CGROUP, path: "/bin/true", cgroup: -1 }),
    SyscallError,
  );
  assertEquals(clone.syscall, "clone3");
  assertEquals(
    clone.flags,
    "CLONE_PIDFD|CLONE_NEWNS|CLONE_CLEAR_SIGHAND|CLONE_INTO_CGROUP",
  );
  assertThrows(() => spawnRaw({ flags: CLONE_VM | CLONE_FILES, path: "/bin/true" }), TypeError);
  assertEquals(fds(), before);
});

Deno.test("clone: a large argument list", () => {
  const argv = ["sh", "-c", "echo $#", ...Array.from({ length: 5000 }, (_, i) => `é${i}`)];
  assertEquals(output({ path: "/bin/sh", argv }).text, "4999\n");
});
