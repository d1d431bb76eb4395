/** Files on top of each other: several `-f`, `extends`, variables, and what is said where. */
import { assertEquals, assertThrows } from "@std/assert";
import { readSpecFiles } from "../../lib/cli/spec_file.ts";
import { SpecError } from "../../lib/errors.ts";
import type { SandboxSpec } from "../../lib/spec.ts";
import { paddock, withFolder } from "./run.ts";

/** What files of these names and texts make, in this order. */
function read(files: Record<string, string>, ...names: string[]): Promise<{
  spec: SandboxSpec;
  hooks: string[];
  folder: string;
}> {
  return new Promise((resolve, reject) =>
    withFolder({}, (folder) => {
      for (const [name, text] of Object.entries(files)) {
        const path = `${folder}/${name}`;
        Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
        Deno.writeTextFileSync(path, text);
      }
      const { box, hooks } = readSpecFiles(names.map((name) => `${folder}/${name}`));
      resolve({ spec: box.spec, hooks, folder });
      return Promise.resolve();
    }).catch(reject)
  );
}

async function message(files: Record<string, string>, ...names: string[]): Promise<string> {
  let folder = "";
  try {
    ({ folder } = await read(files, ...names));
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    return error.message.replace(/\/[^\s"]*\/paddock-cli-\w+\//g, "");
  }
  return `no error in ${folder}`;
}

Deno.test("mappings are merged, texts and the command replaced, some lists appended to", async () => {
  const { spec, hooks, folder } = await read(
    {
      "a.yaml": `
command: [sh, -c, "id"]
hostname: fern
limits: { memory: 64M, pids: 8 }
env: { set: { A: "1", B: "2" }, inherit: [HOME] }
network: { mode: none, allowDomains: [deno.land] }
capabilities: { keep: [CAP_CHOWN] }
hooks: [./a.ts]
`,
      "b.yaml": `
command: [id]
limits: { memory: 128M }
env: { set: { B: "3" }, inherit: [USER] }
network: { allowDomains: [jsr.io, deno.land] }
capabilities: { keep: [CAP_KILL] }
hooks: [./b.ts]
`,
    },
    "a.yaml",
    "b.yaml",
  );
  assertEquals(spec.command, ["id"]);
  assertEquals(spec.hostname, "fern");
  assertEquals(spec.limits, { memory: "128M", pids: 8 });
  assertEquals(spec.env, {
    set: { HOME: "/tmp", A: "1", B: "3" },
    inherit: ["HOME", "USER"],
  });
  assertEquals(spec.network, { mode: "none", allowDomains: ["jsr.io", "deno.land"] });
  assertEquals(spec.capabilities?.keep, ["CAP_CHOWN", "CAP_KILL"]);
  assertEquals(hooks, [`${folder}/a.ts`, `${folder}/b.ts`]);
});

Deno.test("a mount takes the place of an earlier one with the same target", async () => {
  const { spec, folder } = await read(
    {
      "a.yaml": `
mounts:
  - { kind: tmpfs, target: /work/ }
  - { kind: dir, target: /d }
`,
      "sub/b.yaml": "mounts: [{ kind: bind, source: src, target: /work }]\n",
    },
    "a.yaml",
    "sub/b.yaml",
  );
  assertEquals(spec.mounts.slice(-2), [
    { kind: "dir", target: "/d" },
    { kind: "bind", source: `${folder}/sub/src`, target: "/work" },
  ]);
});

Deno.test("another network, and another kind of root, replace what was said of the first", async () => {
  const { spec } = await read(
    {
      "a.yaml": "network: { mode: bridge, bridge: blue }\nroot: { path: /srv, writable: true }\n",
      "b.yaml": "network: { mode: none }\nroot: { image: debian }\n",
    },
    "a.yaml",
    "b.yaml",
  );
  assertEquals(spec.network, { mode: "none" });
  assertEquals(spec.root, { image: "debian" });
});

Deno.test("!reset forgets what was said before", async () => {
  const files = {
    "a.yaml": "hostname: fern\nlimits: { memory: 64M, pids: 8 }\nnetwork: { mode: host }\n",
    "b.yaml": "hostname: !reset\nlimits: { memory: !reset }\nnetwork: !reset\n",
  };
  const { spec } = await read(files, "a.yaml", "b.yaml");
  assertEquals([spec.hostname, spec.limits, spec.network], ["paddock", { pids: 8 }, undefined]);
  assertEquals((await read(files, "b.yaml")).spec.limits, {});
});

Deno.test("a file is put on top of what it extends, whose paths start at where that is", async () => {
  const files = {
    "base/one.yaml": "hostname: one\nlimits: { pids: 8 }\nroot: ./rootfs\n",
    "base/two.yaml": "extends: one.yaml\nhostname: two\n",
    "top.yaml": "extends: [base/two.yaml, more.yaml]\nlimits: { memory: 64M }\n",
    "more.yaml": "cwd: /tmp\nhostname: three\n",
  };
  const { spec, folder } = await read(files, "top.yaml");
  assertEquals(spec.hostname, "three");
  assertEquals(spec.limits, { pids: 8, memory: "64M" });
  assertEquals(spec.root, { path: `${folder}/base/rootfs` });
  assertEquals(spec.cwd, "/tmp");
});

Deno.test("a circle of files is named", async () => {
  assertEquals(
    await message(
      { "a.yaml": "extends: b.yaml\n", "b.yaml": "hostname: x\nextends: [a.yaml]\n" },
      "a.yaml",
    ),
    'b.yaml:2:11: extends[0]: "a.yaml" extends itself: a.yaml -> b.yaml -> a.yaml; take one out',
  );
});

Deno.test("an error is in the file that says it, whatever is merged", async () => {
  // The soft limit is in one file and the hard one in the other.
  assertEquals(
    await message(
      {
        "a.yaml": "# a\nrlimits:\n  nofile: { soft: 8, hard: 16 }\n",
        "b.yaml": "rlimits:\n  nofile: { soft: 32, hard: 16 }\n",
      },
      "a.yaml",
      "b.yaml",
    ),
    "b.yaml:2:3: rlimits.nofile: the soft limit 32 is above the hard one, 16",
  );
  const overlay = "mounts:\n  - kind: overlay\n    target: /a\n    lower: [/]\n    work: /w\n";
  assertEquals(
    await message(
      { "a.yaml": overlay, "b.yaml": "mounts: [{ kind: dir, target: /b }]\n" },
      "a.yaml",
      "b.yaml",
    ),
    "a.yaml:5:5: mounts[0].work: goes with an upper directory of the host",
  );
});

Deno.test("what only the launch finds out has its line too", async () => {
  await withFolder(
    { "a.yaml": "command: [id]\nnamespaces: { uts: shared }\nhostname: fern\n" },
    async (folder) => {
      const { code, stderr } = await paddock(["run", "-f", `${folder}/a.yaml`]);
      assertEquals(code, 125);
      assertEquals(stderr.split("\n").length, 2, stderr);
      assertEquals(stderr.startsWith(`paddock: ${folder}/a.yaml:3:1: hostname: `), true, stderr);
    },
  );
});

Deno.test("variables are filled in where a text is marked, and nowhere else", async () => {
  const text = `
command: [sh, -c, 'echo \${A:-b} \${C}']
cwd: !env "/\${PADDOCK_TEST_DIR}/\${PADDOCK_TEST_NONE:-x y}"
env: { set: { D: !env "$PADDOCK_TEST_DIR" } }
`;
  Deno.env.set("PADDOCK_TEST_DIR", "fern");
  try {
    const { spec } = await read({ "a.yaml": text }, "a.yaml");
    assertEquals(spec.command, ["sh", "-c", "echo ${A:-b} ${C}"]);
    assertEquals(spec.cwd, "/fern/x y");
    assertEquals(spec.env.set.D, "$PADDOCK_TEST_DIR");
  } finally {
    Deno.env.delete("PADDOCK_TEST_DIR");
  }
});

Deno.test("numbers and words are read as YAML 1.2 has them, and keys may be any", async () => {
  const { spec } = await read(
    {
      "a.yaml": `
hostname: no
env: { set: { A.B: "1", __proto__: "2" } }
mounts:
  - { kind: file, target: /b, contents: !!binary AAEC }
  - &t { kind: tmpfs, target: /c, size: 1M }
  - { <<: *t, target: /d }
`,
    },
    "a.yaml",
  );
  assertEquals(spec.hostname, "no");
  assertEquals(Object.entries(spec.env.set).slice(1), [["A.B", "1"], ["__proto__", "2"]]);
  assertEquals(spec.mounts.slice(-3), [
    { kind: "file", target: "/b", contents: new Uint8Array([0, 1, 2]) },
    { kind: "tmpfs", target: "/c", size: "1M" },
    { kind: "tmpfs", target: "/d", size: "1M" },
  ]);
});

Deno.test("a file that cannot be read is named", () => {
  const error = assertThrows(() => readSpecFiles(["/paddock/none.yaml"]), SpecError);
  assertEquals(
    error.message,
    '--file: "/paddock/none.yaml" cannot be read: there is no such file; name one, starting at where this one is',
  );
});
