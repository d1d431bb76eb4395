import { assertEquals, assertThrows } from "@std/assert";
import {
  close,
  ECHO,
  getTerminalSettings,
  getWindowSize,
  ICANON,
  isTerminal,
  open,
  openPty,
  rawSettings,
  read,
  setTerminalSettings,
  setWindowSize,
  SyscallError,
  VMIN,
  write,
} from "../../lib/sys/mod.ts";

Deno.test("terminal: one size, seen from both ends", () => {
  const { master, slave } = openPty({ size: { rows: 24, columns: 80 } });
  assertEquals(getWindowSize(slave), { rows: 24, columns: 80, xPixels: 0, yPixels: 0 });
  setWindowSize(slave, { rows: 50, columns: 132, xPixels: 1320, yPixels: 1000 });
  assertEquals(getWindowSize(master), { rows: 50, columns: 132, xPixels: 1320, yPixels: 1000 });
  close(slave);
  close(master);
});

Deno.test("terminal: raw passes every byte, and the settings come back", () => {
  const { master, slave, number } = openPty();
  assertEquals(isTerminal(slave), true);
  assertEquals(Deno.readLinkSync(`/proc/self/fd/${slave}`).endsWith(`/${number}`), true);
  const usual = getTerminalSettings(slave);
  assertEquals(usual.local & (ECHO | ICANON), ECHO | ICANON);
  const raw = rawSettings(usual);
  assertEquals(raw.characters[VMIN], 1);
  setTerminalSettings(slave, raw);
  assertEquals(getTerminalSettings(slave), raw);

  write(master, new Uint8Array([3, 13, 200]));
  const bytes = new Uint8Array(8);
  assertEquals(read(slave, bytes), 3);
  assertEquals([...bytes.subarray(0, 3)], [3, 13, 200]);
  write(slave, new TextEncoder().encode("a\n"));
  assertEquals(read(master, bytes), 2);

  setTerminalSettings(slave, usual, "now");
  assertEquals(getTerminalSettings(slave), usual);
  write(slave, new TextEncoder().encode("a\n"));
  assertEquals(read(master, bytes), 3);
  assertEquals(new TextDecoder().decode(bytes.subarray(0, 3)), "a\r\n");
  close(slave);
  close(master);
});

Deno.test("terminal: another kind of file is ENOTTY", () => {
  const file = open("/dev/null");
  assertEquals(isTerminal(file), false);
  const error = assertThrows(() => getWindowSize(file), SyscallError);
  assertEquals(error.code, "ENOTTY");
  assertEquals(error.flags, "TIOCGWINSZ");
  close(file);
  assertEquals(assertThrows(() => isTerminal(-1), SyscallError).code, "EBADF");
});
