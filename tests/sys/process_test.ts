import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  boundingSetHas,
  close,
  getDumpable,
  getegid,
  geteuid,
  getgid,
  getgroups,
  getpid,
  getRlimit,
  gettid,
  getuid,
  O_RDWR,
  open,
  pidfdGetfd,
  pidfdOpen,
  pidfdSendSignal,
  pidOfPidfd,
  RLIM_INFINITY,
  setRlimit,
  spawnRaw,
  SyscallError,
  waitPidfd,
  WEXITED,
  WNOHANG,
} from "../../lib/sys/mod.ts";
import { inWorker } from "./in_worker.ts";

Deno.test("ids: who this is", async () => {
  const id = async (...args: string[]) =>
    new TextDecoder().decode((await new Deno.Command("id", { args }).output()).stdout).trim();
  assertEquals(getuid(), Deno.uid());
  assertEquals(getgid(), Deno.gid());
  assertEquals(`${geteuid()}`, await id("-u"));
  assertEquals(`${getegid()}`, await id("-g"));
  const groups = new Set([getegid(), ...getgroups()]);
  assertEquals([...groups].sort(), (await id("-G")).split(" ").map(Number).sort());
  assertEquals(getpid(), Deno.pid);
  assert(gettid() > 0);
});

Deno.test("pidfd: of a real child: signals it, knows its pid and its end", () => {
  const child = spawnRaw({ path: "/bin/sleep", argv: ["sleep", "60"] });
  assertEquals(pidOfPidfd(child.pidfd), child.pid);
  const other = pidfdOpen(child.pid);
  assertEquals(pidOfPidfd(other), child.pid);
  assertEquals(waitPidfd(child.pidfd, WEXITED | WNOHANG), undefined);
  pidfdSendSignal(other, 0);
  pidfdSendSignal(other, "SIGTERM");
  const result = waitPidfd(child.pidfd)!;
  assertEquals(result.pid, child.pid);
  assertEquals(result.signal, "SIGTERM");
  assertEquals(result.code, undefined);
  assert(result.usage.maxRssKiB > 0);
  // Reaped: the pidfd refers to nothing any more, and to no new process either.
  assertEquals(pidOfPidfd(other), undefined);
  assertEquals(assertThrows(() => pidfdSendSignal(other, "SIGTERM"), SyscallError).code, "ESRCH");
  const error = assertThrows(() => waitPidfd(child.pidfd), SyscallError);
  assertEquals(error.code, "ECHILD");
  assertEquals(error.flags, "WEXITED|__WALL");
  close(other);
  close(child.pidfd);
});

Deno.test("pidfd: takes a descriptor out of another process", () => {
  const nothing = open("/dev/null", { flags: O_RDWR });
  const child = spawnRaw({
    path: "/bin/sleep",
    argv: ["sleep", "60"],
    stdio: [nothing, nothing, nothing],
  });
  const taken = pidfdGetfd(child.pidfd, 1);
  assertEquals(Deno.readLinkSync(`/proc/self/fd/${taken}`), "/dev/null");
  assertEquals(assertThrows(() => pidfdGetfd(child.pidfd, 77), SyscallError).code, "EBADF");
  pidfdSendSignal(child.pidfd, "SIGKILL");
  waitPidfd(child.pidfd);
  for (const fd of [taken, nothing, child.pidfd]) close(fd);
});

Deno.test("pidfd: a descriptor of another kind is refused", () => {
  const file = open("/dev/null");
  assertEquals(assertThrows(() => pidOfPidfd(file), SyscallError).code, "EBADF");
  close(file);
  assertEquals(assertThrows(() => pidfdOpen(0x7ffffff), SyscallError).code, "ESRCH");
});

Deno.test("resource: limits, with the hard one only downwards", () => {
  const core = getRlimit("RLIMIT_CORE");
  const lower = { soft: 0n, hard: core.hard };
  assertEquals(setRlimit("RLIMIT_CORE", lower), core);
  assertEquals(getRlimit("RLIMIT_CORE", Deno.pid), lower);
  setRlimit("RLIMIT_CORE", core);
  const error = assertThrows(
    () => setRlimit("RLIMIT_CORE", { soft: RLIM_INFINITY, hard: 1n }),
    SyscallError,
  );
  assertEquals(error.code, "EINVAL");
  assertEquals(error.flags, "soft unlimited, hard 1");
});

Deno.test("prctl: reads the process's attributes", () => {
  assertEquals(getDumpable(), true);
  assertEquals(typeof boundingSetHas("CAP_CHOWN"), "boolean");
});

Deno.test("prctl: attributes of one thread", async () => {
  await inWorker("prctl");
});
