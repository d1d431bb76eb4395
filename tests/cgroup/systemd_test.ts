// systemd is asked over a socket; here something else listens on it, which moves the process as
// systemd would, so that the protocol is tried without one.

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  Dbus,
  decodeMessage,
  encodeCall,
  messageLength,
  signatureOf,
} from "../../lib/cgroup/dbus.ts";
import { scopeArguments } from "../../lib/cgroup/systemd.ts";
import { inFolder, installed } from "../integration/support.ts";

Deno.test("the arguments have the signature of StartTransientUnit", () => {
  assertEquals(scopeArguments("a.scope", 1).map(signatureOf).join(""), "ssa(sv)a(sa(sv))");
});

Deno.test("a call is what busctl makes of the same", async () => {
  if (!installed("busctl")) return console.warn("skipped: busctl is not installed");
  await inFolder(async (folder) => {
    const path = `${folder}/socket`;
    const listener = Deno.listen({ transport: "unix", path });
    const busctl = new Deno.Command("busctl", {
      args: [
        `--address=unix:path=${path}`,
        "--expect-reply=no",
        "call",
        "org.freedesktop.systemd1",
        "/org/freedesktop/systemd1",
        "org.freedesktop.systemd1.Manager",
        "StartTransientUnit",
        "ssa(sv)a(sa(sv))",
        ...["a.scope", "fail", "4"],
        ...["Description", "s", "Paddock's sandboxes"],
        ...["PIDs", "au", "1", "77"],
        ...["Delegate", "b", "true"],
        ...["CollectMode", "s", "inactive-or-failed"],
        "0",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    using connection = await listener.accept();
    const sent = await serve(connection, 2);
    listener.close();
    try {
      busctl.kill("SIGKILL");
    } catch { /* it has ended by itself, now that nobody listens */ }
    await busctl.status;
    const theirs = sent.at(-1)!;
    const ours = encodeCall({
      destination: "org.freedesktop.systemd1",
      path: "/org/freedesktop/systemd1",
      interface: "org.freedesktop.systemd1.Manager",
      member: "StartTransientUnit",
      arguments: scopeArguments("a.scope", 77),
    }, 1);
    const body = (bytes: Uint8Array) =>
      bytes.subarray(
        bytes.length - new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true),
      );
    assertEquals(body(ours), new Uint8Array(body(theirs)));
    assertEquals(messageLength(ours), ours.length);
  });
});

/** Greets a client and takes so many messages, each answered by an empty reply. */
async function serve(
  connection: Deno.UnixConn,
  count: number,
  error = false,
): Promise<Uint8Array[]> {
  const messages: Uint8Array[] = [];
  let buffered = new Uint8Array();
  let authenticated = false;
  const chunk = new Uint8Array(65536);
  while (messages.length < count) {
    const length = await connection.read(chunk);
    if (length === null) break;
    buffered = new Uint8Array([...buffered, ...chunk.subarray(0, length)]);
    while (!authenticated) {
      const end = buffered.indexOf(10);
      if (end === -1) break;
      const line = new TextDecoder().decode(buffered.subarray(0, end)).replaceAll("\0", "").trim();
      buffered = buffered.slice(end + 1);
      if (line.startsWith("AUTH")) await say(connection, "OK 0123456789abcdef0123456789abcdef\r\n");
      if (line.startsWith("NEGOTIATE")) await say(connection, "AGREE_UNIX_FD\r\n");
      if (line.startsWith("DATA")) await say(connection, "OK 0123456789abcdef0123456789abcdef\r\n");
      if (line === "BEGIN") authenticated = true;
    }
    for (;;) {
      const size = authenticated ? messageLength(buffered) : undefined;
      if (size === undefined || buffered.length < size) break;
      messages.push(buffered.slice(0, size));
      const serial = new DataView(buffered.buffer, buffered.byteOffset).getUint32(8, true);
      buffered = buffered.slice(size);
      // Who wants no answer may have gone.
      await connection.write(reply(serial, error)).catch(() => {});
    }
  }
  return messages;
}

async function say(connection: Deno.UnixConn, text: string): Promise<void> {
  await connection.write(new TextEncoder().encode(text));
}

/** An answer: `:1.7` as a text, or an error with a text. */
function reply(serial: number, error: boolean): Uint8Array {
  const bytes: number[] = ["l".charCodeAt(0), error ? 3 : 2, 1, 1];
  const u32 = (
    value: number,
  ) => [value & 255, value >> 8 & 255, value >> 16 & 255, value >> 24 & 255];
  const text = (value: string) => [...u32(value.length), ...new TextEncoder().encode(value), 0];
  const fields: number[] = [5, 1, "u".charCodeAt(0), 0, ...u32(serial)];
  if (error) {
    fields.push(4, 1, "s".charCodeAt(0), 0, ...text("org.test.Refused"));
    while (fields.length % 8 !== 0) fields.push(0);
  }
  fields.push(8, 1, "g".charCodeAt(0), 0, 1, "s".charCodeAt(0), 0);
  const body = text(error ? "you may not" : ":1.7");
  bytes.push(...u32(body.length), ...u32(1), ...u32(fields.length), ...fields);
  while (bytes.length % 8 !== 0) bytes.push(0);
  return Uint8Array.from([...bytes, ...body]);
}

Deno.test("an answer, and an error with what was said", async () => {
  assertEquals(decodeMessage(reply(9, false)), { type: 2, replySerial: 9, text: ":1.7" });
  assertEquals(decodeMessage(reply(9, true)), {
    type: 3,
    replySerial: 9,
    errorName: "org.test.Refused",
    text: "you may not",
  });
  await inFolder(async (folder) => {
    const path = `${folder}/socket`;
    using listener = Deno.listen({ transport: "unix", path });
    for (const refuse of [false, true]) {
      const served = listener.accept().then(async (connection) => {
        await serve(connection, 2, refuse);
        connection.close();
      });
      const greeting = Dbus.connect(path, true);
      if (refuse) {
        assertMatch(String(await assertRejects(() => greeting)), /Hello failed: you may/);
      } else {
        using dbus = await greeting;
        const call = { path: "/", interface: "a.b", member: "c", arguments: [] };
        assertEquals(await dbus.call(call), ":1.7");
      }
      if (!refuse) await served;
      else await served.catch(() => {});
    }
  });
});

Deno.test("a socket that refuses this user is told as that", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/socket`;
    using listener = Deno.listen({ transport: "unix", path });
    const served = listener.accept().then(async (connection) => {
      await connection.read(new Uint8Array(100));
      await say(connection, "REJECTED EXTERNAL\r\n");
      connection.close();
    });
    const error = await assertRejects(() => Dbus.connect(path, false));
    assertMatch(String(error), /refused this user/);
    await served;
  });
});
