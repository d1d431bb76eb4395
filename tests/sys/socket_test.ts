import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  close,
  F_GETFD,
  FD_CLOEXEC,
  fileStatus,
  MAX_FDS_PER_MESSAGE,
  MSG_DONTWAIT,
  open,
  pipe,
  read,
  receiveWithFds,
  SandboxError,
  sendWithFds,
  SOCK_SEQPACKET,
  socketpair,
  syscall,
  SyscallError,
  write,
} from "../../lib/sys/mod.ts";

Deno.test("socket: descriptors travel, and stay what they are", () => {
  const [here, there] = socketpair();
  const [reader, writer] = pipe();
  const bytes = new TextEncoder().encode("two of them");
  assertEquals(sendWithFds(here, bytes, [reader, writer]), bytes.length);
  const message = receiveWithFds(there);
  assertEquals(new TextDecoder().decode(message.bytes), "two of them");
  assertEquals(message.truncated, false);
  const [reader2, writer2] = message.fds as [number, number];
  assertEquals(message.fds.length, 2);
  assert(reader2 !== reader && writer2 !== writer);
  assertEquals(fileStatus(reader2).inode, fileStatus(reader).inode);
  assertEquals(syscall("fcntl", reader2, F_GETFD), FD_CLOEXEC);
  write(writer2, new Uint8Array([42]));
  const byte = new Uint8Array(1);
  assertEquals(read(reader, byte), 1);
  assertEquals(byte[0], 42);
  for (const fd of [here, there, reader, writer, reader2, writer2]) close(fd);
});

Deno.test("socket: an odd and the largest number of descriptors", () => {
  const [here, there] = socketpair(SOCK_SEQPACKET);
  const file = open("/dev/null");
  for (const count of [1, 3, MAX_FDS_PER_MESSAGE]) {
    sendWithFds(here, new Uint8Array([1]), Array(count).fill(file));
    const { fds } = receiveWithFds(there);
    assertEquals(fds.length, count);
    for (const fd of fds) close(fd);
  }
  const many = Array(MAX_FDS_PER_MESSAGE + 1).fill(file);
  assertEquals(
    assertThrows(() => sendWithFds(here, new Uint8Array(1), many), SyscallError).code,
    "EINVAL",
  );
  assertEquals(
    assertThrows(() => sendWithFds(here, new Uint8Array(1), [-1]), SyscallError).code,
    "EBADF",
  );
  for (const fd of [here, there, file]) close(fd);
});

Deno.test("socket: lost descriptors are an error, and none leaks", () => {
  const [here, there] = socketpair(SOCK_SEQPACKET);
  const count = () => [...Deno.readDirSync("/proc/self/fd")].length;
  sendWithFds(here, new Uint8Array([1]), [here, here, here]);
  const before = count();
  const error = assertThrows(() => receiveWithFds(there, { maxFds: 1 }), SandboxError);
  assert(error.message.includes("lost"), error.message);
  assertEquals(count(), before);
  for (const fd of [here, there]) close(fd);
});

Deno.test("socket: a cut datagram, an empty queue and a closed end", () => {
  const [here, there] = socketpair(SOCK_SEQPACKET);
  sendWithFds(here, new Uint8Array(10));
  const message = receiveWithFds(there, { size: 4 });
  assertEquals(message.bytes.length, 4);
  assertEquals(message.truncated, true);
  assertEquals(
    assertThrows(() => receiveWithFds(there, { flags: MSG_DONTWAIT }), SyscallError).code,
    "EAGAIN",
  );
  close(here);
  assertEquals(receiveWithFds(there).bytes.length, 0);
  assertEquals(
    assertThrows(() => sendWithFds(there, new Uint8Array(1)), SyscallError).code,
    "EPIPE",
  );
  close(there);
});
