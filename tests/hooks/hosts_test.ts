import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { hosts } from "../../hooks/hosts.ts";
import { type Sandbox, sandbox, SpecError } from "../../mod.ts";

async function run(box: Sandbox, script: string): Promise<string> {
  const { code, stdout, stderr } = await box.output(["sh", "-c", script]);
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("hosts: names are known inside, and those of the host are not", async () => {
  const box = sandbox().hostname("fern").use(
    hosts({ "db.local": "10.0.0.2", "api.local": ["10.0.0.3", "fd00::3"] }),
  );
  assertEquals(
    await run(box, "cat /etc/hosts"),
    "127.0.0.1\tlocalhost fern\n::1\tlocalhost fern\n" +
      "10.0.0.2\tdb.local\n10.0.0.3\tapi.local\nfd00::3\tapi.local\n",
  );
  assertMatch(await run(box, "getent hosts db.local"), /^10\.0\.0\.2\s+db\.local/);
  assertMatch(await run(box, "getent hosts fern"), /(127\.0\.0\.1|::1)\s/);
});

Deno.test("hosts: name servers, whether or not the sandbox has a resolv.conf already", async () => {
  const plugin = hosts({}, { nameservers: ["9.9.9.9", "2620:fe::fe"], search: ["corp.example"] });
  const expected = "search corp.example\nnameserver 9.9.9.9\nnameserver 2620:fe::fe\n";
  for (const mode of ["none", "host"] as const) {
    const box = sandbox().network(mode).use(plugin);
    assertEquals(await run(box, "cat /etc/resolv.conf"), expected, mode);
  }
});

Deno.test("hosts: the host's own file is untouched, and no mount is left", async () => {
  const paths = ["/etc/hosts", "/proc/self/mountinfo"];
  const read = () => Promise.all(paths.map((path) => Deno.readTextFile(path)));
  const before = await read();
  await run(sandbox().use(hosts({ "db.local": "10.0.0.2" })), "true");
  assertEquals(await read(), before);
});

Deno.test("hosts: one plugin serves several sandboxes, and changes none of them", async () => {
  const plugin = hosts({ "db.local": "10.0.0.2" });
  const plain = sandbox();
  const count = plain.spec.mounts.length;
  const boxes = ["a", "b"].map((name) => plain.hostname(name).use(plugin));
  const texts = await Promise.all(boxes.map((box) => run(box, "cat /etc/hosts")));
  assertStringIncludes(texts[0]!, "localhost a\n");
  assertStringIncludes(texts[1]!, "localhost b\n");
  assertEquals(plain.spec.mounts.length, count);
});

Deno.test("hosts: what is no name or address is refused, and cannot add lines", () => {
  for (
    const [names, options] of [
      [{ "db local": "10.0.0.2" }],
      [{ "db\n6.6.6.6 bank.example": "10.0.0.2" }],
      [{ "": "10.0.0.2" }],
      [{ "-db": "10.0.0.2" }],
      [{ db: "10.0.0.2\n6.6.6.6 bank.example" }],
      [{ db: "10.0.0.256" }],
      [{ db: "10.0.0" }],
      [{ db: "fe80::1%eth0" }],
      [{ db: "fd00:::1" }],
      [{ db: "" }],
      [{}, { nameservers: ["dns.example"] }],
      [{}, { nameservers: ["9.9.9.9"], search: ["corp\noptions x"] }],
      [{}, { search: ["corp.example"] }],
    ] as [Record<string, string>, Parameters<typeof hosts>[1]][]
  ) {
    assertThrows(() => hosts(names, options), SpecError);
  }
});
