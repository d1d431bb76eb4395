import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  changeMode,
  changeOwner,
  changeTimes,
  close,
  fileStatusAt,
  getXattr,
  listXattrs,
  makeDirectory,
  makeLink,
  makeNode,
  makeSymlink,
  O_CREAT,
  O_DIRECTORY,
  O_RDWR,
  open,
  pipe,
  poll,
  POLLIN,
  POLLOUT,
  readDirectory,
  readLink,
  removeName,
  rename,
  RENAME_NOREPLACE,
  S_IFCHR,
  S_IFIFO,
  seek,
  SEEK_DATA,
  SEEK_HOLE,
  setXattr,
  SyscallError,
  tryLock,
  unlock,
  write,
} from "../../lib/sys/mod.ts";
import { inFolder } from "../integration/support.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array) => new TextDecoder().decode(value);

Deno.test("directory: makes, links, lists, renames and removes names", () =>
  inFolder((folder) => {
    const dir = open(folder, { flags: O_DIRECTORY });
    makeDirectory(dir, "sub", 0o700);
    makeSymlink("../where", dir, "link");
    // A name that is no UTF-8.
    const odd = Uint8Array.of(0x66, 0xe9);
    makeNode(dir, odd, S_IFIFO | 0o600);
    makeLink(dir, odd, dir, "second");
    makeNode(dir, "whiteout", S_IFCHR);
    const names = [...readDirectory(dir)].map(({ name }) => name.join());
    assertEquals(
      names.sort(),
      [bytes("sub"), bytes("link"), odd, bytes("second"), bytes("whiteout")]
        .map((name) => name.join()).sort(),
    );
    assertEquals(text(readLink(dir, "link")), "../where");
    assertEquals(fileStatusAt(dir, odd).links, 2);
    const gone = fileStatusAt(dir, "whiteout");
    assertEquals([gone.mode & 0o170000, gone.special], [S_IFCHR, [0, 0]]);
    const exists = assertThrows(
      () => rename(dir, "second", dir, "link", RENAME_NOREPLACE),
      SyscallError,
    );
    assertEquals([exists.code, exists.path, exists.dest], ["EEXIST", "second", "link"]);
    rename(dir, "second", dir, "third");
    for (const name of ["link", "third", odd, "whiteout"]) removeName(dir, name);
    assertEquals(assertThrows(() => removeName(dir, "sub"), SyscallError).code, "EISDIR");
    removeName(dir, "sub", AT_REMOVEDIR);
    close(dir);
    const empty = open(folder, { flags: O_DIRECTORY });
    assertEquals([...readDirectory(empty)], []);
    close(empty);
  }));

Deno.test("directory: more entries than one call gives", () =>
  inFolder((folder) => {
    const name = (index: number) => `${"n".repeat(200)}${index}`;
    for (let index = 0; index < 500; index++) {
      Deno.writeTextFileSync(`${folder}/${name(index)}`, "");
    }
    const dir = open(folder, { flags: O_DIRECTORY });
    assertEquals(new Set([...readDirectory(dir)].map((entry) => text(entry.name))).size, 500);
    close(dir);
  }));

Deno.test("attributes: mode, owner, times before 1970, and extended ones", () =>
  inFolder((folder) => {
    const fd = open(`${folder}/f`, { flags: O_CREAT | O_RDWR });
    changeMode(fd, 0o4751);
    changeOwner(fd, "", Deno.uid()!, Deno.gid()!);
    changeTimes(fd, "", { seconds: -2, nanoseconds: 250_000_000 });
    setXattr(fd, "user.note", bytes("hello"));
    setXattr(fd, "user.empty", new Uint8Array());
    const status = fileStatusAt(AT_FDCWD, `${folder}/f`);
    assertEquals(status.modified, { seconds: -2, nanoseconds: 250_000_000 });
    assertEquals(status.mode & 0o777, 0o751);
    assertEquals(listXattrs(fd).filter((name) => name.startsWith("user.")).sort(), [
      "user.empty",
      "user.note",
    ]);
    assertEquals(text(getXattr(fd, "user.note")!), "hello");
    assertEquals(getXattr(fd, "user.empty"), new Uint8Array());
    assertEquals(getXattr(fd, "user.none"), undefined);
    close(fd);
    Deno.symlinkSync("nowhere", `${folder}/link`);
    changeTimes(AT_FDCWD, `${folder}/link`, { seconds: 2 ** 32 + 5, nanoseconds: 7 });
    const link = fileStatusAt(AT_FDCWD, `${folder}/link`, AT_SYMLINK_NOFOLLOW);
    assertEquals(link.modified, { seconds: 2 ** 32 + 5, nanoseconds: 7 });
  }));

Deno.test("file: finds data and holes", () =>
  inFolder((folder) => {
    const fd = open(`${folder}/f`, { flags: O_CREAT | O_RDWR });
    seek(fd, 1024 * 1024, 0);
    write(fd, bytes("data"));
    const data = seek(fd, 0, SEEK_DATA);
    assert(data > 0 && data <= 1024 * 1024);
    assertEquals(seek(fd, data, SEEK_HOLE), 1024 * 1024 + 4);
    assertEquals(assertThrows(() => seek(fd, 2 ** 21, SEEK_DATA), SyscallError).code, "ENXIO");
    close(fd);
  }));

Deno.test("lock: one holds it, or many share it", () =>
  inFolder((folder) => {
    const [a, b, c] = [1, 2, 3].map(() => open(`${folder}/f`, { flags: O_CREAT | O_RDWR }));
    assert(tryLock(a!, "shared"));
    assert(tryLock(b!, "shared"));
    assert(!tryLock(c!, "exclusive"));
    unlock(a!);
    close(b!);
    assert(tryLock(c!, "exclusive"));
    assert(!tryLock(a!, "shared"));
    close(a!);
    close(c!);
  }));

Deno.test("poll: tells what is ready", () => {
  const [reading, writing] = pipe();
  const requests = [{ fd: reading, events: POLLIN }, { fd: writing, events: POLLOUT }];
  assertEquals(poll(requests), [0, POLLOUT]);
  write(writing, bytes("x"));
  assertEquals(poll(requests), [POLLIN, POLLOUT]);
  assertEquals(poll([requests[0]!, { fd: -1, events: POLLOUT }]), [POLLIN, 0]);
  close(reading);
  close(writing);
});
