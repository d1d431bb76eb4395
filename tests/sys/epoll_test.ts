import { assertEquals, assertThrows } from "@std/assert";
import {
  close,
  decodeEpollEvents,
  encodeEpollEvent,
  epollAdd,
  epollCreate,
  epollEventSize,
  EPOLLHUP,
  EPOLLIN,
  epollModify,
  EPOLLONESHOT,
  EPOLLOUT,
  epollRemove,
  epollWait,
  eventfd,
  eventfdRead,
  eventfdWrite,
  open,
  pipe,
  SyscallError,
} from "../../lib/sys/mod.ts";

Deno.test("epoll: an event's bytes on both architectures", () => {
  const event = { events: 0x80000001, data: 0x1_0000_0002 };
  assertEquals(epollEventSize("x86_64"), 12);
  assertEquals(epollEventSize("aarch64"), 16);
  assertEquals(
    [...encodeEpollEvent(event, "x86_64")],
    [1, 0, 0, 128, 2, 0, 0, 0, 1, 0, 0, 0],
  );
  assertEquals(
    [...encodeEpollEvent(event, "aarch64")],
    [1, 0, 0, 128, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0],
  );
  for (const arch of ["x86_64", "aarch64"] as const) {
    const one = encodeEpollEvent(event, arch);
    const two = new Uint8Array([...one, ...one]);
    assertEquals(decodeEpollEvents(two, 2, arch), [event, event]);
    assertEquals(decodeEpollEvents(two, 0, arch), []);
  }
});

Deno.test("epoll: waits without blocking JavaScript, and an eventfd ends it", async () => {
  const epoll = epollCreate();
  const event = eventfd();
  const [reader, writer] = pipe();
  epollAdd(epoll, event, EPOLLIN, 7);
  epollAdd(epoll, reader, EPOLLIN);
  assertEquals(await epollWait(epoll, { timeoutMs: 0 }), []);

  const waiting = epollWait(epoll);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await new Promise((resolve) => setTimeout(resolve, 30));
  clearInterval(timer);
  eventfdWrite(event, 3n);
  assertEquals(await waiting, [{ events: EPOLLIN, data: 7 }]);
  assertEquals(ticks > 2, true);
  assertEquals(eventfdRead(event), 3n);
  assertEquals(assertThrows(() => eventfdRead(event), SyscallError).code, "EAGAIN");

  close(writer);
  assertEquals(await epollWait(epoll), [{ events: EPOLLHUP, data: reader }]);
  epollModify(epoll, event, EPOLLOUT | EPOLLONESHOT, 8);
  epollRemove(epoll, reader);
  assertEquals(await epollWait(epoll), [{ events: EPOLLOUT, data: 8 }]);
  for (const fd of [epoll, event, reader]) close(fd);
});

Deno.test("epoll: what cannot be watched is an error that says so", () => {
  const epoll = epollCreate();
  const file = open("/proc/self/status");
  const folder = open("/usr");
  const error = assertThrows(() => epollAdd(epoll, folder, EPOLLIN), SyscallError);
  assertEquals(error.code, "EPERM");
  assertEquals(error.flags, "EPOLL_CTL_ADD, EPOLLIN");
  assertEquals(assertThrows(() => epollRemove(epoll, file), SyscallError).syscall, "epoll_ctl");
  for (const fd of [epoll, file, folder]) close(fd);
});
