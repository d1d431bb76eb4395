import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  close,
  CLOSE_RANGE_CLOEXEC,
  closeRange,
  duplicate,
  duplicateOnto,
  F_GETFD,
  FD_CLOEXEC,
  fileStatus,
  filesystemStatus,
  ftruncate,
  getStatusFlags,
  O_CREAT,
  O_NONBLOCK,
  O_RDWR,
  open,
  pipe,
  pread,
  PROC_SUPER_MAGIC,
  pwrite,
  read,
  readAll,
  S_IFDIR,
  S_IFMT,
  setCloseOnExec,
  setNonblocking,
  syscall,
  SyscallError,
  write,
  writeAll,
} from "../../lib/sys/mod.ts";

Deno.test("file: opens, writes, reads and cuts", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/file`;
  const fd = open(path, { flags: O_RDWR | O_CREAT, mode: 0o640 });
  writeAll(fd, new TextEncoder().encode("hello world"));
  assertEquals(pwrite(fd, new TextEncoder().encode("W"), 6), 1);
  const five = new Uint8Array(5);
  assertEquals(pread(fd, five, 6), 5);
  assertEquals(new TextDecoder().decode(five), "World");
  ftruncate(fd, 5);
  const status = fileStatus(fd);
  assertEquals(status.size, 5);
  assertEquals(status.mode & 0o777, 0o640 & ~(Deno.umask()));
  assertEquals(status.inode, fileStatus(path).inode);
  close(fd);
  assertEquals(await Deno.readTextFile(path), "hello");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("file: reads /proc, which Deno alone wants --allow-all for", () => {
  const fd = open("/proc/self/status");
  assert(new TextDecoder().decode(readAll(fd)).includes(`Pid:\t${Deno.pid}\n`));
  assertEquals(filesystemStatus(fd).type, PROC_SUPER_MAGIC);
  close(fd);
  assertEquals(filesystemStatus("/proc").type, PROC_SUPER_MAGIC);
  assertEquals(fileStatus("/proc").mode & S_IFMT, S_IFDIR);
});

Deno.test("file: a failure names the call, the path and the errno", () => {
  const error = assertThrows(() => open("/nowhere/file"), SyscallError);
  assertEquals(error.syscall, "openat");
  assertEquals(error.code, "ENOENT");
  assertEquals(error.path, "/nowhere/file");
  assertEquals(
    error.message,
    'openat "/nowhere/file" (O_CLOEXEC): ENOENT (no such file or directory)',
  );
  assertThrows(() => open("/nul\0byte"), TypeError);
  assertEquals(assertThrows(() => close(-1), SyscallError).code, "EBADF");
});

Deno.test("file: pipes, duplicates and descriptor flags", () => {
  const [reader, writer] = pipe(O_NONBLOCK);
  assertEquals(
    assertThrows(() => read(reader, new Uint8Array(1)), SyscallError).code,
    "EAGAIN",
  );
  const copy = duplicate(writer, 200);
  assert(copy >= 200);
  duplicateOnto(reader, copy);
  assertEquals(write(writer, new Uint8Array([7, 8])), 2);
  const bytes = new Uint8Array(4);
  assertEquals(read(copy, bytes), 2);
  assertEquals([...bytes], [7, 8, 0, 0]);

  setNonblocking(reader, false);
  assertEquals(getStatusFlags(reader) & O_NONBLOCK, 0);
  for (const fd of [reader, writer, copy]) {
    assertEquals(syscall("fcntl", fd, F_GETFD), FD_CLOEXEC);
  }
  setCloseOnExec(copy, false);
  assertEquals(syscall("fcntl", copy, F_GETFD), 0);
  closeRange(copy, copy, CLOSE_RANGE_CLOEXEC);
  assertEquals(syscall("fcntl", copy, F_GETFD), FD_CLOEXEC);
  closeRange(copy, copy);
  assertEquals(assertThrows(() => getStatusFlags(copy), SyscallError).code, "EBADF");
  close(reader);
  assertEquals(
    assertThrows(() => write(writer, new Uint8Array(1)), SyscallError).code,
    "EPIPE",
  );
  close(writer);
});
