import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  CAPABILITIES,
  capabilityMask,
  type CapabilityName,
  capabilityNames,
  capget,
  close,
  knownCapabilities,
  open,
  readAll,
  SyscallError,
} from "../../lib/sys/mod.ts";
import { inWorker } from "./in_worker.ts";

Deno.test("capability: names to a mask and back", () => {
  const names: CapabilityName[] = ["CAP_CHOWN", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_BPF"];
  const mask = capabilityMask(names);
  assertEquals(mask, 1n | 1n << 31n | 1n << 32n | 1n << 39n);
  assertEquals(capabilityNames(mask), names);
  assertEquals(capabilityNames(0n), []);
  assertEquals(capabilityNames(~0n), Object.keys(CAPABILITIES));
  assertThrows(() => capabilityMask(["CAP_NOTHING" as CapabilityName]), TypeError, "CAP_NOTHING");
});

Deno.test("capability: the sets are those of /proc", () => {
  const fd = open("/proc/thread-self/status");
  const status = new TextDecoder().decode(readAll(fd));
  close(fd);
  const line = (name: string) =>
    BigInt(`0x${new RegExp(`^${name}:\\s*(\\w+)`, "m").exec(status)![1]}`);
  assertEquals(capget(), {
    effective: line("CapEff"),
    permitted: line("CapPrm"),
    inheritable: line("CapInh"),
  });
  const last = Number(Deno.readTextFileSync("/proc/sys/kernel/cap_last_cap"));
  assertEquals(knownCapabilities(), (1n << BigInt(last + 1)) - 1n);
  assert(last >= CAPABILITIES.CAP_CHECKPOINT_RESTORE);
  assertEquals(assertThrows(() => capget(0x7ffffff), SyscallError).code, "ESRCH");
});

Deno.test({
  name: "capability: dropped on one thread, for which unshare is then EPERM",
  ignore: Deno.uid() !== 0,
  fn: () => inWorker("capabilities"),
});
