import { assert, assertEquals, assertMatch } from "@std/assert";
import { compilePolicy } from "../../lib/seccomp/compile.ts";
import { defaultPolicy } from "../../lib/seccomp/default_profile.ts";
import { ARCH } from "../../lib/sys/mod.ts";
import { inFolder } from "../integration/support.ts";
import { cliArgs, paddock as run } from "./run.ts";

const paddock = (...words: readonly string[]) => run(words);

/** What comes on standard output, as it is. */
async function bytesOf(...words: string[]): Promise<Uint8Array> {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), { args: cliArgs(words) })
    .output();
  assertEquals(code, 0);
  return stdout;
}

Deno.test("seccomp show lists the calls by what they get, and the program", async () => {
  const { code, stdout } = await paddock("seccomp", "show", "--arch", "x86_64");
  assertEquals(code, 0);
  assertMatch(stdout, /^On x86_64:\n {2}allow: accept accept4 /);
  assertMatch(stdout, /\n {2}ioctl: EPERM if arg1 == 0x5412 \(32 bits\); /);
  assertMatch(stdout, /\n {3}0 {2}load the architecture\n/);
});

Deno.test("seccomp compile writes the bytes, and run takes them", async () => {
  await inFolder(async (folder) => {
    const policy = `${folder}/policy.yaml`, program = `${folder}/filter`;
    await Deno.writeTextFile(
      policy,
      "otherwise: allow\nrules:\n- { calls: [sync], action: { errno: EXDEV } }\n",
    );
    const bytes = await bytesOf("seccomp", "compile", "--seccomp", policy);
    assertEquals(bytes.length % 8, 0);
    await Deno.writeFile(program, bytes);
    for (const file of [policy, program]) {
      const script = "grep -c 'Seccomp:.2' /proc/self/status";
      const { stdout } = await paddock("run", "--seccomp", file, "--", "sh", "-c", script);
      assertEquals(stdout, "1\n");
    }
    const options = { capabilities: new Set<never>(), guardSetuid: false };
    assertEquals(
      await bytesOf("seccomp", "compile"),
      compilePolicy(defaultPolicy(options, [ARCH])),
    );
  });
});

Deno.test("seccomp test says what a call gets, and of the default profile why", async () => {
  const test = async (...words: string[]) =>
    (await paddock("seccomp", "test", "--arch", "x86_64", ...words)).stdout.trim();
  assertEquals(await test("read"), "allow");
  assertMatch(await test("mount"), /^EPERM: mounts; the filesystem is the first wall/);
  assertEquals(await test("--cap", "sys_admin", "mount"), "allow");
  assertEquals(await test("ioctl", "0", "0x100005412"), "EPERM");
  assertEquals(await test("--guard-setuid", "chmod", "0", "2541"), "EPERM");
  const all = ["--seccomp", new URL("allow_all.json", import.meta.url).pathname];
  assertEquals(await test(...all, "chmod", "0", "2541"), "allow");
  assertMatch(await test(...all, "--guard-setuid", "chmod", "0", "2541"), /^EPERM: the guard/);
  assertEquals(await test("1073741825"), "kill");
});

Deno.test("seccomp says what is wrong", async () => {
  for (
    const [words, text] of [
      [["seccomp", "list"], "list: there is no such subcommand; see `paddock seccomp --help`"],
      [["seccomp", "test", "mout"], 'did you mean "mount"?'],
      [["seccomp", "test", "read", "x"], '"x" is not a number'],
      [["seccomp", "show", "--seccomp", "none"], '"none" is no filter'],
      [["seccomp", "show", "--arch", "vax"], '"vax" is none of x86_64, aarch64'],
      [
        ["run", "--seccomp", "/nowhere/none", "--", "true"],
        '"/nowhere/none" cannot be read: it is not there; name a file that is',
      ],
    ] as const
  ) {
    const { code, stderr } = await paddock(...words);
    assertEquals(code, 125);
    assert(stderr.includes(text), stderr);
  }
});

Deno.test("a description in a file names a profile, by name, by file, or in place", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(
      `${folder}/docker.json`,
      '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [] }',
    );
    for (
      const [text, mode] of [
        ["seccomp: none", 0],
        ["seccomp: default", 2],
        ["seccomp: docker.json", 2],
        ["seccomp: { profile: ./docker.json }", 2],
        ["seccomp: { profile: { extend: default, rules: [] } }", 2],
      ] as const
    ) {
      await Deno.writeTextFile(`${folder}/spec.yaml`, `${text}\n`);
      const script = "grep Seccomp: /proc/self/status";
      const { stdout, stderr } = await paddock(
        ...["run", "-f", `${folder}/spec.yaml`, "--", "sh", "-c", script],
      );
      assertEquals(stdout, `Seccomp:\t${mode}\n`, `${text}: ${stderr}`);
    }
  });
});

Deno.test("--explain shows the filter, also one that must be compiled", async () => {
  const { stdout } = await paddock("run", "--explain", "--cap", "kill", "--", "true");
  assertMatch(
    stdout,
    /There, at the very end:\n +\d+\. filter system calls by the default profile/,
  );
});
