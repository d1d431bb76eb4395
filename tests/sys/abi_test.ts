import { assert, assertEquals } from "@std/assert";
import { errnoName, errnoText } from "../../lib/sys/abi/errno.ts";
import * as fcntlAbi from "../../lib/sys/abi/fcntl.ts";
import * as mountAbi from "../../lib/sys/abi/mount.ts";
import { signalName } from "../../lib/sys/abi/signal.ts";
import { flagNames } from "../../lib/sys/flag_names.ts";
import { syscallName, syscallNumber } from "../../lib/sys/syscall_numbers.ts";
import { generateAbi, whyNot } from "../../scripts/generate_abi.ts";

Deno.test("abi: the files are what the kernel's headers generate", async () => {
  const reason = await whyNot();
  if (reason !== undefined) {
    console.log(`skipped: ${reason}`);
    return;
  }
  const folder = new URL("../../lib/sys/abi/", import.meta.url);
  const generated = await generateAbi();
  for (const [name, text] of generated) {
    assert(
      await Deno.readTextFile(new URL(name, folder)) === text,
      `${name} differs: run the generator`,
    );
  }
  assertEquals(
    [...Deno.readDirSync(folder)].map((entry) => entry.name).sort(),
    [...generated.keys()].sort(),
  );
});

Deno.test("abi: flags by their names", () => {
  assertEquals(flagNames(mountAbi.MS_BIND | mountAbi.MS_REC, mountAbi, "MS_"), "MS_BIND|MS_REC");
  assertEquals(flagNames(0, mountAbi, "MS_"), "");
  assertEquals(flagNames(0x40000000, mountAbi, "MS_"), "0x40000000");
  assertEquals(flagNames(fcntlAbi.O_SYNC | fcntlAbi.O_RDWR, fcntlAbi, "O_"), "O_RDWR|O_SYNC");
});

Deno.test("abi: errnos and signals by their names", () => {
  assertEquals(errnoName(2), "ENOENT");
  assertEquals(errnoName(11), "EAGAIN");
  assertEquals(errnoName(999), "errno 999");
  assertEquals(errnoText(2), "no such file or directory");
  assertEquals(signalName(9), "SIGKILL");
  assertEquals(signalName(36), "SIGRTMIN+2");
  assertEquals(signalName(99), "signal 99");
});

Deno.test("abi: system calls by name and number, of either architecture", () => {
  assertEquals(syscallNumber("clone3", "x86_64"), 435);
  assertEquals(syscallNumber("read", "aarch64"), 63);
  assertEquals(syscallNumber("fork", "aarch64"), undefined);
  assertEquals(syscallNumber("constructor"), undefined);
  assertEquals(syscallName(0, "x86_64"), "read");
  assertEquals(syscallName(468, "aarch64"), "file_getattr");
  assertEquals(syscallName(99999), undefined);
});
