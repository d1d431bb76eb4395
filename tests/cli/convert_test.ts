/** Descriptions in other languages: there and back, and run where there is somebody to run them. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { toBwrap } from "../../lib/cli/convert/bwrap.ts";
import { same } from "../../lib/cli/convert/conversion.ts";
import { toOci } from "../../lib/cli/convert/oci.ts";
import { toTypeScript } from "../../lib/cli/convert/typescript.ts";
import { toYaml } from "../../lib/cli/convert/yaml.ts";
import { specText } from "../../lib/cli/init/spec.ts";
import { readSpecFiles } from "../../lib/cli/spec_file.ts";
import { hostView } from "../../lib/run/host_view.ts";
import { Sandbox, sandbox } from "../../lib/sandbox.ts";
import { testIf } from "../integration/support.ts";
import { paddock, text, withFolder } from "./run.ts";

const CONFIG = fromFileUrl(new URL("../../deno.json", import.meta.url));
const MOD = new URL("../../mod.ts", import.meta.url).href;

/** Sandboxes with something of everything. */
const BOXES: readonly (readonly [what: string, box: Sandbox])[] = [
  ["the default", sandbox()],
  [
    "mounts",
    sandbox().bind("/srv", "/data", { writable: true, optional: true }).tmpfs("/work", { size: 1 })
      .dir("/d", { mode: "0700" }).file("/etc/motd", "hi\n").symlink("a", "/b").mask("/etc/shadow")
      .readonly("/d").mount({ kind: "mask", target: "/x", optional: true }).devpts().mqueue()
      .overlay("/o", { lower: ["/usr"], upper: "ephemeral" })
      .mount({ type: "ext4", source: "/dev/vdb", target: "/e", options: { noload: true } })
      .file("/bytes", new Uint8Array([0, 255])),
  ],
  [
    "process",
    Sandbox.from({ command: ["sh", "-c", 'it\'s "$X"'] }).user(7, 8, [9]).cwd("/tmp").umask("077")
      .env("A.B", "1").inheritEnv("FERN").hostname("fern").domainname("moss")
      .capabilities(["CAP_KILL"], { ambient: false }).nice(5).oomScoreAdj(9).timeout("5s")
      .rlimit("nofile", { soft: 1, hard: "unlimited" }).rlimit("core", 0).tty().newSession(false)
      .scheduler("batch", { resetOnFork: true }).ioPriority("best-effort", 3).cpuAffinity("0")
      .personality("linux32").timeOffset({ boottime: "1d" }).asPid1(),
  ],
  ["environments", sandbox().clearEnv().env("A", "1").inheritEnv()],
  ["an environment without HOME", sandbox().clearEnv().inheritEnv("PATH")],
  ["namespaces", sandbox().share("net", "uts").join("ipc", { pid: 1 }).unshare("time")],
  ["the host's mounts", sandbox().share("mount", "user")],
  ["nothing", Sandbox.empty()],
  ["other mounts", Sandbox.from({ mounts: [] }).proc().dev()],
  ["roots", sandbox().root("/srv", { ephemeral: true, size: "1M" })],
  ["an image", sandbox().root({ image: "debian", readonly: true })],
  [
    "networks",
    sandbox().network({ allowDomains: ["a.b", { name: "c.d", ports: [1] }] }).idMap("auto"),
  ],
  ["a bridge", sandbox().network("bridge", { publish: ["80:80"], bridge: "blue" })],
  [
    "policies",
    sandbox().seccomp({ rules: [], otherwise: "allow" }, { log: true })
      .landlock({ paths: [{ path: "/usr", allow: ["read"] }] }).limits({
        memory: "1M",
        io: [{ device: "8:0", rbps: 1 }],
      }),
  ],
];

/** What a module's default export is, in a process of its own, for all at once. */
async function evaluate(modules: readonly string[]): Promise<unknown[]> {
  let specs: unknown[] = [];
  const files = Object.fromEntries(
    modules.map((code, index) => [`${index}.ts`, code.replace("@paddock/paddock", MOD)]),
  );
  const main = modules.map((_, index) => `import box${index} from "./${index}.ts";`).join("\n") +
    `\nconst all = [${modules.map((_, index) => `box${index}`)}].map((box) => box.spec);
    console.log(JSON.stringify(all, (_, value) =>
      value instanceof Uint8Array ? { bytes: [...value] } : value));`;
  await withFolder({ ...files, "main.ts": main }, async (folder) => {
    const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--config", CONFIG, `${folder}/main.ts`],
    }).output();
    assert(success, text(stderr));
    specs = JSON.parse(text(stdout));
  });
  return specs;
}

function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(
      value,
      (_, entry) => entry instanceof Uint8Array ? { bytes: [...entry] } : entry,
    ),
  );
}

Deno.test("a description in TypeScript describes the same sandbox", async () => {
  const converted = BOXES.map(([, { spec }]) => toTypeScript({ spec, hooks: [] }));
  const specs = await evaluate(converted.map(({ text }) => text));
  BOXES.forEach(([what, { spec }], index) => {
    assert(same(specs[index], plain(spec)), `${what}: ${converted[index]!.text}`);
    assertEquals(converted[index]!.left, []);
  });
  assertStringIncludes(
    converted[1]!.text,
    '.bind("/srv", "/data", { writable: true, optional: true })',
  );
});

Deno.test("a description in YAML describes the same sandbox, or says what it cannot", async () => {
  for (const [what, { spec }] of BOXES) {
    const { text, left } = toYaml({ spec, hooks: [] });
    const fields = left.map(({ field }) => field);
    await withFolder({ "box.yaml": text }, (folder) => {
      const read = readSpecFiles([`${folder}/box.yaml`]).box.spec as unknown as Record<
        string,
        unknown
      >;
      for (const [field, value] of Object.entries(spec)) {
        if (fields.includes(field)) continue;
        const [is, was] = field === "namespaces"
          ? [read[field], value].map((choices) => ({ time: "shared", ...choices as object }))
          : [read[field], value];
        assert(same(is, was), `${what}: ${field}: ${text}`);
      }
      return Promise.resolve();
    });
    const impossible: Record<string, string[]> = {
      "environments": ["env"],
      "an environment without HOME": ["env"],
      "nothing": ["env"],
      "other mounts": ["mounts"],
    };
    assertEquals(fields, impossible[what] ?? [], what);
    for (const field of fields) assertStringIncludes(text, `#   ${field}: `);
  }
});

Deno.test("what bubblewrap and OCI cannot say is listed, field by field", () => {
  const facts = { hostView, isRoot: false, env: () => undefined, uid: 7, gid: 7 };
  const listed = (convert: typeof toBwrap | typeof toOci, name: string) => {
    const [, { spec }] = BOXES.find(([what]) => what === name)!;
    const { text, left } = convert({ spec, hooks: ["/a.ts"] }, facts as never);
    for (const { field } of left) assertStringIncludes(text, field);
    return left.map(({ field }) => field).sort();
  };
  assertEquals(listed(toBwrap, "process"), [
    ...["cpuAffinity", "domainname", "hooks", "ioPriority", "namespaces.time", "nice"],
    ...["oomScoreAdj", "personality", "rlimits.core", "rlimits.nofile", "scheduler", "seccomp"],
    ...["timeOffsets", "timeout", "tty", "umask", "user.groups"],
  ]);
  assertEquals(
    listed(toBwrap, "mounts"),
    [
      "hooks",
      // devpts, overlay, ext4, masks, readonly and bytes
      ...["mounts[10]", "mounts[11]", "mounts[12]", "mounts[14]", "mounts[15]", "mounts[16]"]
        .filter((field) => field !== "mounts[13]"),
      "mounts[9]",
      "seccomp",
    ].sort(),
  );
  assertEquals(listed(toBwrap, "policies"), ["hooks", "landlock", "limits", "seccomp"]);
  assertEquals(
    listed(toOci, "process"),
    [
      ...["cpuAffinity", "domainname", "hooks", "ioPriority", "newSession", "nice", "personality"],
      ...["root", "scheduler", "seccomp", "timeout"],
      ...hostView().flatMap(({ kind }) => kind === "symlink" ? ["root"] : []),
    ].sort(),
  );
  assertEquals(listed(toOci, "a bridge").filter((field) => field.startsWith("network")), [
    "network",
    "network.bridge",
    "network.publish",
  ]);
});

Deno.test("an OCI bundle has the structure that the specification demands", () => {
  const facts = { hostView, env: () => "value", uid: 7, gid: 8 };
  for (const [what, { spec }] of BOXES) {
    const config = JSON.parse(toOci({ spec, hooks: [] }, facts).text);
    assertEquals(config.ociVersion, "1.0.2");
    assert(config.process.cwd.startsWith("/"), what);
    assert(config.process.args.length > 0);
    assertEquals(typeof config.root.path, "string");
    for (const { destination, type, source, options } of config.mounts) {
      assert(destination.startsWith("/") && type !== "" && source !== "", what);
      for (const option of options) assertEquals(typeof option, "string");
    }
    for (const { type } of config.linux.namespaces) {
      assert(["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"].includes(type));
    }
    for (const value of config.process.env) assert(value.includes("="));
    assertEquals(config.linux.uidMappings !== undefined, spec.namespaces.user === "new", what);
    for (const { type } of config.process.rlimits) assert(/^RLIMIT_[A-Z]+$/.test(type));
  }
  const limits = { memory: "1M", swap: 0, cpus: 0.5, pids: 3, hugetlb: { "2M": "4M" } } as const;
  const { linux } = JSON.parse(
    toOci({ spec: sandbox().limits(limits).spec, hooks: [] }, facts).text,
  );
  assertEquals(linux.resources, {
    memory: { limit: 1048576, swap: 1048576 },
    cpu: { period: 100_000, quota: 50_000 },
    pids: { limit: 3 },
    hugepageLimits: [{ pageSize: "2MB", limit: 4194304 }],
  });
});

async function works(program: string, args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output())
      .success;
  } catch {
    return false;
  }
}

const BWRAP = await works("bwrap", [
  ...["--unshare-all", "--unshare-user", "--disable-userns", "--ro-bind", "/", "/", "true"],
]);

testIf(
  BWRAP,
  "bwrap 0.8 is not installed, or may make no namespaces here",
  "the script for bubblewrap does what the sandbox does",
  async () => {
    const script = [
      'hostname; pwd; echo "$A $FERN $HOME"; cat /run/motd; cat /data/note; readlink /run/link',
      "stat -c %a /run/d /tmp /run/motd; ls /home 2>&1; echo x >/data/note; touch /x",
      "echo x >/rw/made; cat /rw/made; awk '$1==\"CapEff:\" {print $2}' /proc/self/status",
      "cat /proc/sys/kernel/ns_last_pid >/dev/null; unshare -U true; true",
    ].join("\n");
    await withFolder({ "note": "a note\n" }, async (folder) => {
      await Deno.mkdir(`${folder}/rw`);
      await Deno.chmod(`${folder}/rw`, 0o777);
      const file = `
command: [sh, -c, ${JSON.stringify(script)}]
hostname: fern
mounts:
  - { kind: file, target: /run/motd, contents: "it's \\"here\\"\\n", mode: "0640" }
  - { kind: bind, source: ., target: /data }
  - { kind: bind, source: ./rw, target: /rw, writable: true }
  - { kind: symlink, source: motd, target: /run/link }
  - { kind: dir, target: /run/d, mode: "0710" }
cwd: /tmp
env: { set: { A: "a 'b' $c" }, inherit: [PATH, FERN] }
`;
      await Deno.writeTextFile(`${folder}/box.yaml`, file);
      const env = { FERN: "moss $x" };
      const converted = await paddock(["convert", `${folder}/box.yaml`, "--to", "bwrap"]);
      assertEquals(converted.code, 0);
      assertStringIncludes(converted.stderr, "paddock: not converted: seccomp: ");
      assertStringIncludes(converted.stdout, "#   seccomp: ");
      await Deno.writeTextFile(`${folder}/box.sh`, converted.stdout);
      const theirs = await new Deno.Command("sh", { args: [`${folder}/box.sh`], env }).output();
      await Deno.remove(`${folder}/rw/made`);
      const ours = await paddock(["run", "-f", `${folder}/box.yaml`], { env });
      assertEquals(text(theirs.stdout), ours.stdout);
      assertStringIncludes(ours.stdout, "fern\n/tmp\na 'b' $c moss $x /tmp\nit's \"here\"\n");
      // Each failed attempt is one in both.
      const failures = (errors: string) =>
        errors.split("\n").filter((line) => /Read-only|No space|not permitted/.test(line)).length;
      assertEquals(failures(text(theirs.stderr)), 3, text(theirs.stderr));
      assertEquals(failures(ours.stderr), 3, ours.stderr);
    });
  },
);

for (const runtime of ["runc", "crun"]) {
  testIf(
    Deno.uid() === 0 && await works(runtime, ["--version"]),
    `${runtime} is not installed, or it is not root who asks`,
    `${runtime} runs the bundle`,
    async () => {
      await withFolder({}, async (folder) => {
        const rootfs = `${folder}/rootfs`;
        for (const name of ["", "/usr", "/etc", "/proc", "/dev", "/tmp", "/run"]) {
          await Deno.mkdir(rootfs + name);
        }
        const spec = sandbox().hostname("fern").env("A", "1").asPid1().spec;
        const command = ["sh", "-c", "hostname; echo $A $$"];
        const { text: config } = toOci({ spec: { ...spec, command }, hooks: [] }, {
          hostView,
          env: Deno.env.get,
          uid: 0,
          gid: 0,
        });
        for (const entry of hostView()) {
          if (entry.kind === "symlink") await Deno.symlink(entry.to, rootfs + entry.path);
        }
        await Deno.writeTextFile(`${folder}/config.json`, config);
        const { stdout, stderr, success } = await new Deno.Command(runtime, {
          args: [
            "--root",
            `${folder}/state`,
            "run",
            "-b",
            folder,
            `paddock-${crypto.randomUUID()}`,
          ],
          stdin: "null",
        }).output();
        // What this machine's cgroups do not let it do is not the bundle's fault.
        if (!success && /cgroup/.test(text(stderr))) {
          return console.warn(`skipped: ${runtime} gets no cgroup here`);
        }
        assertEquals([text(stdout), success], ["fern\n1 1\n", true], text(stderr));
      });
    },
  );
}

Deno.test("paddock convert reads a module, and says what is wrong with its arguments", async () => {
  const module = `import { sandbox } from "${MOD}";\nexport default sandbox().hostname("fern");\n`;
  await withFolder({ "box.ts": module, "none.ts": "export {};\n" }, async (folder) => {
    const yaml = await paddock(["convert", `${folder}/box.ts`, "--to", "yaml"]);
    assertEquals([yaml.code, yaml.stdout], [0, "hostname: fern\n"]);
    const none = await paddock(["convert", `${folder}/none.ts`, "--to", "yaml"]);
    assertEquals(none.code, 125);
    assertStringIncludes(none.stderr, "write `export default sandbox()`");
    const wrong = await paddock(["convert", `${folder}/box.ts`, "--to", "bwarp"]);
    assertStringIncludes(wrong.stderr, "did you mean bwrap?");
  });
});

Deno.test("paddock init spec writes what describes the preset, and never over a file", async () => {
  for (
    const preset of [
      ...[undefined, "read-only-host", "workspace=/tmp", "agent=/tmp", "build=/tmp", "test=/tmp"],
      ...["browser", "judge=/tmp/meta", "service=8080:80"],
    ]
  ) {
    await withFolder({ "box.yaml": specText(preset) }, (folder) => {
      const { spec } = readSpecFiles([`${folder}/box.yaml`]).box;
      assertEquals(spec.command, ["sh", "-c", "echo hello"]);
      const whole = /host|=\/tmp$/.test(preset ?? "");
      assertEquals(spec.root, whole ? { path: "/" } : "host");
      return Promise.resolve();
    });
  }
  await withFolder({}, async (folder) => {
    const options = { cwd: folder };
    const first = await paddock(["init", "spec"], options);
    assertEquals(first.code, 0, first.stderr);
    assertEquals((await paddock(["run", "-f", "paddock.yaml"], options)).stdout, "hello\n");
    const again = await paddock(["init"], options);
    assertEquals(again.code, 125);
    assertStringIncludes(again.stderr, "is there already; give another, or --force");
    const preset = await paddock(["init", "judge=meta", "-o", "-"], options);
    assertStringIncludes(preset.stdout, "\nlimits:\n  memory: 256M\n");
  });
});
