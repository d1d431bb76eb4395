/** `--allow-domain` and its like, YAML, and the builder: the same gate by each. */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { type NetworkSpec, sandbox, SpecError } from "../../mod.ts";
import { egressReport } from "../../hooks/egress.ts";
import { inFolder, text } from "../integration/support.ts";
import { httpRequest, recorder } from "../net/egress/outside.ts";
import { paddock } from "./run.ts";

// localhost is a name that every machine knows, and inside it is the proxy that resolves it.
function client(port: number): string {
  const request = httpRequest(`http://localhost:${port}/`, `localhost:${port}`);
  return `use IO::Socket::IP; my $s = IO::Socket::IP->new(PeerHost => "127.0.0.1", PeerPort => 3128);
print $s ${JSON.stringify(request)}; local $/; print <$s>;`;
}

Deno.test("--allow-domain opens the gate for a name, and --json tells what went through", async () => {
  await using server = recorder();
  const script = client(server.port);
  const open = await paddock([
    "run",
    "--json",
    "--allow-domain",
    `localhost:${server.port}`,
    "--allow-address",
    "127.0.0.0/8",
    "--allow-address",
    "::1",
    "--",
    "perl",
    "-e",
    script,
  ]);
  assertMatch(open.stdout, /hello$/, open.stderr);
  const { egress } = JSON.parse(open.stderr.trim()).reports;
  assertEquals([egress.allowed, egress.denied], [1, 0]);
  assertEquals(egress.decisions[0].host, "localhost");
  for (
    const options of [
      ["--allow-domain", "localhost:1", "--allow-address", "127.0.0.0/8"],
      ["--allow-domain", `localhost:${server.port}`],
      ["--allow-domain", "*", "--deny-domain", "localhost", "--allow-address", "127.0.0.0/8"],
      ["--allow-domain", "*", "--allow-address", "127.0.0.0/8", "--deny-address", "127.0.0.0/8"],
    ]
  ) {
    const closed = await paddock(["run", ...options, "--", "perl", "-e", script]);
    assertMatch(closed.stdout, /^HTTP\/1.1 403/, options.join(" "));
  }
  assertEquals(server.got.length, 1);
});

Deno.test("the gate is not left without effect by another mode, in either order", async () => {
  for (
    const options of [
      ["--allow-domain", "a.com", "--network", "host"],
      ["--network", "host", "--allow-domain", "a.com"],
    ]
  ) {
    const { code, stderr } = await paddock(["run", ...options, "true"]);
    assertEquals(code, 125);
    assertMatch(stderr, /--allow-domain: .*--network host/);
  }
  const { code, stderr } = await paddock([
    "run",
    "--allow-domain",
    "a.com",
    "--network",
    "none",
    "true",
  ]);
  assertEquals(code, 0, stderr);
});

Deno.test("an entry that is wrong is an error before anything runs", async () => {
  for (
    const [option, value, message] of [
      ["--allow-domain", "https://a.com", /--allow-domain: .*without https/],
      ["--allow-domain", "10.0.0.1", /--allow-domain: .*is an address/],
      ["--allow-address", "10.0.0.1/8", /--allow-address: .*10\.0\.0\.0\/8/],
    ] as const
  ) {
    const { code, stderr } = await paddock(["run", option, value, "true"]);
    assertEquals(code, 125);
    assertMatch(stderr, message);
  }
  const wrong: [object, string][] = [
    [{ allowDomains: ["a b"] }, "network.allowDomains[0]"],
    [{ allowAddresses: "10.0.0.0/8" }, "network.allowAddresses"],
    [{ allowDomains: [], transparent: "yes" }, "network.transparent"],
    [{ bandwidth: { up: "1mbit" } }, "network.bandwidth"],
    [{ allowDomain: ["a.com"] }, "network.allowDomain"],
    [{ mode: "host", allowDomains: ["a.com"] }, "network.allowDomains"],
  ];
  for (const [network, field] of wrong) {
    const error = assertThrows(() => sandbox().network(network as NetworkSpec), SpecError);
    assertEquals(error.field, field);
  }
});

Deno.test("YAML and the builder say the same", async () => {
  await using server = recorder();
  await inFolder(async (folder) => {
    const network = {
      allowDomains: [{ name: "localhost", methods: ["GET"] }],
      allowAddresses: ["127.0.0.0/8", "::1"],
    };
    const command = ["perl", "-e", client(server.port)];
    const box = sandbox().network(network);
    assertEquals(box.spec.network, { mode: "none", ...network });
    const output = await box.output(command);
    assertMatch(text(output.stdout), /hello$/);
    assertEquals(egressReport(output)?.allowed, 1);
    for (const mode of [{}, { mode: "none" }]) {
      const file = `${folder}/box.yaml`;
      await Deno.writeTextFile(file, JSON.stringify({ command, network: { ...mode, ...network } }));
      const { stdout, stderr } = await paddock(["run", "-f", file]);
      assertMatch(stdout, /hello$/, stderr);
    }
  });
  assertEquals(server.got.length, 3);
});

Deno.test("--explain tells what can be reached", async () => {
  const { stdout } = await paddock([
    "run",
    "--explain",
    "--allow-domain",
    "a.com:443",
    "--deny-address",
    "10.0.0.0/8",
    "true",
  ]);
  assertMatch(stdout, /gate in this program, a\.com:443 can be reached, but not 10\.0\.0\.0\/8;/);
});

Deno.test("an empty list is a gate that is shut", async () => {
  const output = await sandbox().network({ allowDomains: [] }).output(["cat", "/etc/resolv.conf"]);
  assertEquals(text(output.stdout), "nameserver 127.0.0.53\n");
  assert(egressReport(output) !== undefined);
});

Deno.test("a gate in a directory that has no resolv.conf makes none, and is a gate all the same", () =>
  inFolder(async (folder) => {
    for (const name of ["dev", "etc", "proc", "run", "tmp", "usr"]) {
      await Deno.mkdir(`${folder}/${name}`);
    }
    for (const name of ["bin", "lib", "lib64"]) {
      await Deno.symlink(`usr/${name}`, `${folder}/${name}`);
    }
    await Deno.chmod(folder, 0o755);
    const box = sandbox().root(folder).bind("/usr").network({ allowDomains: [] });
    const output = await box.output(["sh", "-c", "echo ran; ls /etc"]);
    assertEquals(text(output.stdout), "ran\n");
    assert(egressReport(output) !== undefined);
    assertEquals([...Deno.readDirSync(`${folder}/etc`)], []);
  }));
