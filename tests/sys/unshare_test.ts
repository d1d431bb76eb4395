import { assertEquals, assertThrows } from "@std/assert";
import { CLONE_NEWUSER, SyscallError, unshare } from "../../lib/sys/mod.ts";
import { inWorker } from "./in_worker.ts";

const ignore = Deno.uid() !== 0;

Deno.test("unshare: a threaded process gets no user namespace, and is told why", () => {
  const error = assertThrows(() => unshare(CLONE_NEWUSER), SyscallError);
  assertEquals(error.syscall, "unshare");
  assertEquals(error.code, "EINVAL");
  assertEquals(error.flags, "CLONE_NEWUSER");
  assertEquals(error.hint?.includes("threads"), true);
});

Deno.test("unshare: an unknown flag is EINVAL, without the hint", () => {
  const error = assertThrows(() => unshare(1), SyscallError);
  assertEquals(error.code, "EINVAL");
  assertEquals(error.flags, "0x1");
  assertEquals(error.hint, undefined);
});

Deno.test({
  name: "setns: there and back again, on one thread",
  ignore,
  fn: () => inWorker("setns"),
});
