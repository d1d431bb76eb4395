import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  addSeals,
  close,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  ftruncate,
  getSeals,
  MAP_SHARED,
  mapMemory,
  memfdCreate,
  open,
  pread,
  PROT_READ,
  pwrite,
  sealedMemfd,
  SyscallError,
} from "../../lib/sys/mod.ts";

Deno.test("memory: a mapping is visible to both sides, and empty once unmapped", () => {
  const fd = memfdCreate("shared");
  ftruncate(fd, 8192);
  const memory = mapMemory({ length: 8192, fd, flags: MAP_SHARED });
  memory.bytes.set([1, 2, 3], 4096);
  const three = new Uint8Array(3);
  pread(fd, three, 4096);
  assertEquals([...three], [1, 2, 3]);
  pwrite(fd, new Uint8Array([9]), 0);
  assertEquals(memory.bytes[0], 9);

  const view = new DataView(memory.bytes.buffer);
  memory.unmap();
  memory.unmap();
  assertEquals(memory.address, 0);
  assertEquals(memory.bytes.length, 0);
  assertThrows(() => view.getUint8(0), TypeError);
  close(fd);
});

Deno.test("memory: using unmaps", () => {
  let bytes: Uint8Array;
  {
    using memory = mapMemory({ length: 100 });
    bytes = memory.bytes;
    bytes[99] = 1;
    assertEquals(memory.length, 100);
    memory.protect(PROT_READ);
    assertEquals(bytes[99], 1);
  }
  assertEquals(bytes.length, 0);
});

Deno.test("memory: a failure names the flags", () => {
  const error = assertThrows(
    () => mapMemory({ length: 4096, fd: 999999, flags: MAP_SHARED }),
    SyscallError,
  );
  assertEquals(error.code, "EBADF");
  assertEquals(error.flags, "PROT_READ|PROT_WRITE, MAP_SHARED");
});

Deno.test("memfd: nobody changes a sealed one", () => {
  const fd = sealedMemfd("sealed", new TextEncoder().encode("contents"));
  const all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  assertEquals(getSeals(fd) & all, all);
  const failures = [
    () => pwrite(fd, new Uint8Array(1), 0),
    () => ftruncate(fd, 0),
    () => ftruncate(fd, 4096),
    () => addSeals(fd, F_SEAL_SHRINK),
  ];
  for (const failure of failures) {
    assertEquals(assertThrows(failure, SyscallError).code, "EPERM");
  }
  // Nor through another open of the same file.
  const again = open(`/proc/self/fd/${fd}`);
  const bytes = new Uint8Array(8);
  pread(again, bytes, 0);
  assertEquals(new TextDecoder().decode(bytes), "contents");
  close(again);
  close(fd);
});

Deno.test("memfd: an executable one runs, the other does not", async () => {
  const program = await Deno.readFile("/bin/true");
  const runs = sealedMemfd("true", program, { executable: true });
  const { success } = await new Deno.Command(`/proc/self/fd/${runs}`).output();
  assert(success);
  close(runs);

  const [major, minor] = Deno.osRelease().split(".").map(Number) as [number, number];
  if (major < 6 || (major === 6 && minor < 3)) return; // every memfd can be executed there
  const not = sealedMemfd("true", program);
  assertThrows(() => new Deno.Command(`/proc/self/fd/${not}`).outputSync());
  close(not);
});

Deno.test("memfd: seals only where there is a memfd, and only when wanted", () => {
  const file = open("/proc/self/status");
  assertEquals(assertThrows(() => getSeals(file), SyscallError).code, "EINVAL");
  close(file);
  const fd = memfdCreate("open", { executable: true, sealable: false });
  assertEquals(assertThrows(() => addSeals(fd, F_SEAL_GROW), SyscallError).code, "EPERM");
  close(fd);
});
