/**
 * Runs every example as a program of its own and reads what it printed: it must not only end well,
 * it must show what it says it shows.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { CAN_LIMIT, WHY_NOT } from "../cgroup/support.ts";

const ROOT = new URL("../../", import.meta.url);
const UNPRIVILEGED_ID = "1878982656";

/** A program that the sandbox's default view shows: it lies in one of the system's folders. */
function isInstalled(program: string): boolean {
  return ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"].some((folder) => {
    try {
      return Deno.statSync(`${folder}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}

const covered = new Set<string>();

/** A test of one example; it is skipped, with the reason in its name, where programs are missing. */
function example(path: string, needs: string[], check: (output: string) => void): void {
  covered.add(path);
  const missing = needs.filter((program) => !isInstalled(program));
  Deno.test({
    name: `examples/${path}` + (missing.length ? ` (skipped without ${missing.join(", ")})` : ""),
    ignore: missing.length > 0,
    async fn() {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", `examples/${path}`],
        cwd: ROOT,
        env: { NO_COLOR: "1" },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
        signal: AbortSignal.timeout(60_000),
      }).output();
      assertEquals(code, 0, new TextDecoder().decode(stderr));
      check(new TextDecoder().decode(stdout));
    },
  });
}

/** The groups of a match that must be there. */
function match(text: string, pattern: RegExp): string[] {
  assertMatch(text, pattern);
  return [...pattern.exec(text)!].slice(1);
}

if (CAN_LIMIT) {
  example("watch.ts", ["sh", "sleep"], (output) => {
    assertMatch(output, /^sleep 0\.1: code 0$/m);
    assertMatch(output, /: SIGKILL, for it has used \d+ ms of processors' time$/m);
  });
  example("limits.ts", ["perl"], (output) => {
    assertMatch(output, /^16 MiB: ate it, memory ended: false, at most (\d+|\?) MiB$/m);
    assertMatch(
      output,
      /^1024 MiB: killed by SIGKILL, memory ended: true, at most (6[34]|\?) MiB$/m,
    );
    const [busy, frozen] = ["busy", "frozen"].map((word) =>
      Number(match(output, new RegExp(`^${word}: ([\\d.]+) of a processor$`, "m"))[0])
    );
    assert(busy! > 0 && busy! < 0.3, `${busy}`);
    assertEquals(frozen, 0);
    assertMatch(output, /^with more: /m);
  });
} else {
  for (const path of ["limits.ts", "watch.ts"]) covered.add(path);
  console.warn(`skipped: examples/limits.ts, examples/watch.ts: ${WHY_NOT}`);
}

covered.add("network_topology.ts");
Deno.test({
  name: "examples/network_topology.ts",
  // Root's, and in a network namespace of its own, so that the machine's network is not touched.
  ignore: Deno.uid() !== 0 || !isInstalled("unshare"),
  async fn() {
    const { code, stdout, stderr } = await new Deno.Command("unshare", {
      args: ["-n", Deno.execPath(), "run", "-A", "examples/network_topology.ts"],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
      stdin: "null",
      signal: AbortSignal.timeout(60_000),
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    const output = new TextDecoder().decode(stdout);
    assertMatch(output, /^right: a client from 10\.1\.0\.2$/m);
    const [rate] = match(output, /: ([\d.]+) mbit\/s$/m);
    assert(Number(rate) < 9, "the router's limit holds");
  },
});

example("quick_start.ts", ["sh"], (output) => {
  const [pid] = match(output, /^hello from fern, pid (\d+)$/m);
  assert(Number(pid) < 10, "the first processes of a new pid namespace have small numbers");
  assertMatch(output, /^no \/home here$/m);
  assertMatch(output, /^ended well after [\d.]+ ms$/m);
  assertMatch(output, /\d+\. set the hostname to "fern"$/m);
  assertMatch(output, /\d+\. execute "sh" from /);
});

example("namespaces/mount.ts", ["sh"], (output) => {
  const [inside, outside] = output.split("outside:");
  assertMatch(inside!, /scratch holds: note\.txt/);
  assertMatch(inside!, /recipe is read-only/);
  assertMatch(inside!, /recipe says: flour, water/);
  assertMatch(inside!, /mounts at it: 2/);
  assertMatch(outside!, /scratch holds: \(nothing\)/);
  assertMatch(outside!, /recipe says: flour, water\n/);
  assertMatch(outside!, /mounts at it: 0/);
});

example("namespaces/pid.ts", ["sh"], (output) => {
  const [inside] = match(output, /^inside: {2}I am process (\d+)$/m);
  const [visible] = match(output, /all processes are (.*)$/m);
  const [outside] = match(output, /^outside: it is process (\d+)$/m);
  const [, count] = match(output, /^outside: (there are) (\d+) processes$/m);
  assert(inside !== outside, "two numbers");
  const numbers = visible!.split(", ");
  assert(numbers.includes("1") && numbers.includes(inside!));
  assert(numbers.length < Number(count), "fewer processes inside than outside");
  assertMatch(output, new RegExp(`are \\[ "${outside}", (".*", )?"${inside}" \\]`));
});

example("namespaces/network.ts", ["bash", "perl", "tail", "cut"], (output) => {
  const [port] = match(output, /^fern: port (\d+) says 'hello from fern'; devices: lo$/m);
  assertMatch(output, new RegExp(`^moss: port ${port} says 'hello from moss'; devices: lo$`, "m"));
  assertMatch(output, new RegExp(`^host: port ${port} says 'hello from the host'; devices: `, "m"));
});

example("namespaces/user.ts", ["sh", "id", "getent"], (output) => {
  assertMatch(output, /^inside: {2}root, uid 0$/m);
  const expected = Deno.uid() === 0 ? UNPRIVILEGED_ID : String(Deno.uid());
  const [uid] = match(output, /^outside: uid (\d+) /m);
  assertEquals(uid, expected);
  assertMatch(output, /capabilities are 0+, that is none/);
  assertMatch(output, /^first sandbox: ann:x:1234:1234:/m);
  assertMatch(output, /^second sandbox: who is ann\?$/m);
  assertMatch(output, /^host: who is ann\?$/m);
});

example("namespaces/ipc.ts", ["sh", "cat", "ipcmk"], (output) => {
  assertMatch(output, /^first sandbox: {2}1 segment/m);
  assertMatch(output, /^second sandbox: 0$/m);
  assertMatch(output, /^host: +0$/m);
  assertMatch(output, /^after the end: {2}0$/m);
});

example("namespaces/uts.ts", ["sh", "uname", "cat"], (output) => {
  assertMatch(output, /^inside: {2}fern in garden\.example$/m);
  assertMatch(output, /^inside: {2}moss in garden\.example$/m);
  assertMatch(output, new RegExp(`^outside: ${Deno.hostname()}$`, "m"));
  assertMatch(output, new RegExp(`^outside, before: ${Deno.hostname()}$`, "m"));
});

example("namespaces/cgroup.ts", ["cat"], (output) => {
  const [roots, all] = match(output, /^inside: (\d+) of (\d+) groups look like the root$/m);
  assertEquals(roots, all);
  for (const block of output.split("hierarchy ").slice(1)) {
    const [outside] = match(block, /outside: +(\/.+)/);
    const [shared] = match(block, /inside, with share\(cgroup\): (.+)/);
    assertEquals(shared, outside, "without a cgroup namespace the host's path is seen");
    assertMatch(block, /inside: +\/$/m);
  }
});

example("namespaces/time.ts", ["sh", "cut", "date", "cat"], (output) => {
  const [inside] = match(output, /^inside: {2}up ([\d.]+) days$/m);
  const [outside] = match(output, /^outside: up ([\d.]+) days$/m);
  const shift = Number(inside) - Number(outside);
  assert(Math.abs(shift - 1000) < 0.1, `shifted by ${shift} days`);
  const [there] = match(output, /^inside: {2}(\d{4}-.*Z)$/m);
  const [here] = match(output, /^outside: (\d{4}-.*Z)$/m);
  assert(Math.abs(Date.parse(there!) - Date.parse(here!)) < 10_000, "the same time of day");
});

example("egress.ts", ["bash", "tail"], (output) => {
  assertMatch(output, /^www\.example\.com\/: GET \/: welcome$/m);
  for (const line of ["www.example.com/secret", "example.org/", "10.0.0.1/"]) {
    assertMatch(output, new RegExp(`^${line}: paddock: onRequest denied it$`, "m"));
  }
  assertMatch(output, /^old\.example\.com: no such name$/m);
  assertMatch(output, /^3 allowed, 4 denied:$/m);
});

example("hook_listening_socket.ts", ["bash"], (output) => {
  const [served] = match(output, /serving the sandbox's port 80, in net:\[(\d+)\]$/m);
  const [own] = match(output, /itself is in net:\[(\d+)\]$/m);
  assert(served !== own, "two network namespaces");
  assertMatch(output, /^host: +a client from inside$/m);
  assertMatch(output, new RegExp(`^inside: +this is ${Deno.hostname()}, outside, uid`, "m"));
});

example("hook_workspace.ts", ["sh", "ls"], (output) => {
  for (const word of ["first", "second"]) {
    assertMatch(output, new RegExp(`^host: result\\.txt is "by the ${word} launch"$`, "m"));
  }
  assertEquals(output.match(/^host: removed the folder$/gm)?.length, 2);
  assertEquals(output.match(/^inside: \/workspace holds result\.txt$/gm)?.length, 2);
});

example("secrets.ts", ["sh", "stat", "wc", "grep"], (output) => {
  assertMatch(output, /^the command has 7 bytes, of mode 400\non a tmpfs$/m);
  assertMatch(output, /^not in its environment\nin the plan: false$/m);
});

example("audit.ts", ["sh"], (output) => {
  assertMatch(output, /^started on fern, with (HOME )?TOKEN$/m);
  assertEquals(output.match(/^ended with (0|7)$/gm)?.sort(), ["ended with 0", "ended with 7"]);
  assertMatch(output, /^a value is in it: false$/m);
});

example("timing.ts", [], (output) => {
  assertMatch(output, /^a launch: namespaces, mounts, start, command, total$/m);
  assertMatch(output, /^the plugin took its time before the start: true$/m);
});

example("pipeline.ts", ["seq", "grep", "wc"], (output) => {
  let expected = 0;
  for (let number = 1; number <= 100_000; number++) {
    const text = String(number);
    if (text.includes("7") && text === [...text].reverse().join("")) expected++;
  }
  assertMatch(output, new RegExp(`^${expected} palindromes `));
  assertEquals(output.match(/^status 0$/gm)?.length, 3);
});

example("judge.ts", ["bash", "perl", "head", "sleep"], (output) => {
  const verdicts = new Map(
    output.trim().split("\n").map((line): [string, string] => {
      const [name, verdict] = match(line, /^(.{17})(.{24})/);
      return [name!.trim(), verdict!.trim()];
    }),
  );
  assertEquals(Object.fromEntries(verdicts), {
    "adds": "accepted",
    "multiplies": "wrong answer",
    "loops forever": "time limit exceeded",
    "sleeps": "time limit exceeded",
    "eats memory": verdicts.get("eats memory")!,
    "fills the disk": "failed with status 1",
    "crashes": "killed by SIGSEGV",
    "calls home": "failed with status 1",
    "reads the answer": "failed with status 1",
  });
  assertMatch(verdicts.get("eats memory")!, /^(failed|killed)/);
});

example("sys_unshare.ts", ["sh", "uname"], (output) => {
  const host = Deno.hostname();
  assertMatch(
    output,
    new RegExp(`^outside: ${host}\ninside: {2}fern\nstatus: {2}0\noutside: ${host}$`, "m"),
  );
  assertMatch(output, /^steps: +EPERM - sethostname "fern": EPERM/m);
  assertMatch(output, /^openat2: EXDEV - openat2 "\.\.\/etc\/passwd"/m);
});

example("warm_pool.ts", ["uname"], (output) => {
  assertMatch(output, /^no sandbox: [\d.]+ ms, it says "Linux"$/m);
  const [plain] = match(output, /^a sandbox: ([\d.]+) ms, it says "warm"$/m);
  const [warm] = match(output, /^from a warm pool: ([\d.]+) ms, it says "warm"$/m);
  assert(Number(warm) < Number(plain), output);
});

example("pod.ts", ["perl", "hostname"], (output) => {
  assertMatch(
    output,
    /^first answers on fern\nnobody listens\nsecond answers on fern\n1 member runs; process \d+ holds the pod\n$/,
  );
});

Deno.test("every example has a test, and at most 60 lines", async () => {
  for (const folder of ["", "namespaces/"]) {
    for await (const { name, isFile } of Deno.readDir(new URL(`examples/${folder}`, ROOT))) {
      if (!isFile) continue;
      const path = folder + name;
      assert(covered.has(path), `examples/${path} has no test`);
      const text = await Deno.readTextFile(new URL(`examples/${path}`, ROOT));
      assert(text.trimEnd().split("\n").length <= 60, `examples/${path} is too long`);
    }
  }
});
