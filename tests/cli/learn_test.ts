/** What a command touches is told, and learned: real programs run again with no more than that. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FILE_CALLS, openAccess } from "../../lib/cli/access/calls.ts";
import { placeIn, shownPlaces, walk } from "../../lib/cli/access/places.ts";
import { interpreterOf } from "../../lib/cli/access/programs.ts";
import { sandbox } from "../../lib/sandbox.ts";
import { compileFilter } from "../../lib/seccomp/compile_filter.ts";
import { describeValue } from "../../lib/seccomp/actions.ts";
import { runFilter } from "../../lib/seccomp/interpreter.ts";
import { callNumber } from "../../lib/seccomp/outcomes.ts";
import { httpRequest, recorder } from "../net/egress/outside.ts";
import { installed, testIf } from "../integration/support.ts";
import { paddock, withFolder } from "./run.ts";

Deno.test("every call that is seen is one that the default profile lets pass", () => {
  // The rule that asks comes first, so it must not be in the way of one that denies.
  for (const arch of ["x86_64", "aarch64"] as const) {
    const place = { arch, kernel: () => "6.6", guardSetuid: false, hasHandler: false };
    const { program } = compileFilter(sandbox().spec, place)!;
    for (const name of [...FILE_CALLS.keys(), "connect"]) {
      const number = callNumber(name, arch);
      if (number === undefined) continue;
      const call = { arch, number, arguments: [0n, 0n, 0n, 0n, 0n, 0n] };
      const { value } = runFilter(program, call);
      assertEquals(describeValue(value), "allow", `${name} on ${arch}`);
    }
  }
});

Deno.test("paths lead through mounts and links", async () => {
  await withFolder({ "file": "" }, async (folder) => {
    await Deno.symlink("file", `${folder}/one`);
    await Deno.symlink("/in/one", `${folder}/two`);
    const shown = shownPlaces(
      sandbox().bind(folder, "/in", { writable: true }).tmpfs("/in/t").spec,
    );
    assertEquals(walk("/in/./two", shown, true), {
      path: "/in/file",
      links: [["/in/two", "/in/one"], ["/in/one", "file"]],
    });
    assertEquals(walk("/in/two", shown, false), { path: "/in/two", links: [] });
    assertEquals(walk("/in/x/../file", shown, true).path, "/in/file");
    assertEquals(placeIn(shown, "/in/file"), { host: `${folder}/file`, writable: true });
    assertEquals(placeIn(shown, "/in/t/x"), { writable: true });
    assertEquals(placeIn(shown, "/etc/passwd"), { host: "/etc/passwd", writable: false });
  });
  assertEquals([openAccess(0), openAccess(1), openAccess(2), openAccess(0o100)], [
    ...["read", "write", "write", "write"] as const,
  ]);
  assertEquals(interpreterOf(new TextEncoder().encode("#! /bin/sh -e\nx")), "/bin/sh");
  assert(interpreterOf(Deno.readFileSync("/bin/sh").subarray(0, 8192))?.startsWith("/lib"));
});

Deno.test("--report tells what was read, written, refused and denied", async () => {
  await withFolder({ "note": "note\n" }, async (folder) => {
    await Deno.mkdir(`${folder}/out`);
    await Deno.chmod(`${folder}/out`, 0o777);
    const script = `cat ${folder}/note >${folder}/out/copy; cat /etc/shells; echo x >>${folder}/note
      mount -t tmpfs none /tmp; exit 3`;
    const { code, stderr } = await paddock([
      ...["run", "-b", folder, "-b", `${folder}/out:rw`, "--report", "--json"],
      ...["--", "sh", "-c", script],
    ]);
    assertEquals(code, 3);
    const line = stderr.split("\n").find((each) => each.startsWith('{"access"'));
    assert(line !== undefined, stderr);
    const { access } = JSON.parse(line);
    assert(access.read.includes(`${folder}/note`));
    assertEquals(access.written, [`${folder}/out/copy`]);
    assert(access.refused.includes(`${folder}/note`), JSON.stringify(access.refused));
    assert(access.refused.includes("/etc/shells"), JSON.stringify(access.refused));
    assert(access.executed.some((path: string) => path.endsWith("/cat")));
    assert(
      access.syscalls.some((each: string) => each.startsWith("mount: EPERM")),
      access.syscalls,
    );
  });
});

Deno.test("--learn: of a gate there is what went through it", async () => {
  await using one = recorder();
  await using two = recorder();
  const client = (port: number) => {
    const request = httpRequest(`http://localhost:${port}/`, `localhost:${port}`);
    return `use IO::Socket::IP; my $s = IO::Socket::IP->new(PeerHost => "127.0.0.1", PeerPort => 3128);
print $s ${JSON.stringify(request)}; local $/; print <$s>;`;
  };
  await withFolder({}, async (folder) => {
    const learned = `${folder}/learned.yaml`;
    const first = await paddock([
      ...["run", "--allow-domain", "*", "--allow-address", "127.0.0.0/8"],
      ...["--allow-address", "::1", "--learn", learned, "--", "perl", "-e", client(one.port)],
    ]);
    assertStringIncludes(first.stdout, "hello", first.stderr);
    assertStringIncludes(await Deno.readTextFile(learned), `- localhost:${one.port}\n`);
    assertStringIncludes((await paddock(["run", "-f", learned])).stdout, "hello");
    const other = await paddock(["run", "-f", learned, "--", "perl", "-e", client(two.port)]);
    assertStringIncludes(other.stdout, "HTTP/1.1 403");
    assertEquals([one.got.length, two.got.length], [2, 0]);
  });
});

interface Program {
  /** What must be installed, in /usr/bin. */
  readonly needs: readonly string[];
  readonly files: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  /** What is there afterwards. */
  readonly makes: string;
  /** What must be gone before it is run again. */
  readonly clean: readonly string[];
}

/** Each reads the file that EXTRA names, if it is set. */
const PROGRAMS: Readonly<Record<string, Program>> = {
  "git clone of a local repository": {
    needs: ["git"],
    files: { "src/note": "note\n" },
    command: ["/bin/sh", "-c", "/usr/bin/git clone -q src dst && read -r _ <${EXTRA:-dst/note}"],
    makes: "dst/note",
    clean: ["dst"],
  },
  "python3 -m venv and a script": {
    needs: ["python3"],
    files: {
      "script.py": `import json, os, sys
json.dump(sys.prefix, open("out.json", "w"))
if "EXTRA" in os.environ: open(os.environ["EXTRA"]).read()
`,
    },
    command: [
      "/bin/sh",
      "-c",
      "/usr/bin/python3 -m venv --without-pip venv && venv/bin/python script.py",
    ],
    makes: "out.json",
    clean: ["venv", "out.json"],
  },
  "npm install of a local package": {
    needs: ["npm", "node"],
    files: {
      "pkg/package.json": '{"name":"pkg","version":"1.0.0","main":"index.js"}',
      "pkg/index.js": `const fs = require("fs");
if (process.env.EXTRA) fs.readFileSync(process.env.EXTRA);
fs.writeFileSync("out", "made");
`,
      "package.json": '{"name":"app","version":"1.0.0"}',
    },
    command: [
      ...["/bin/sh", "-c"],
      `/usr/bin/npm install --offline --no-audit --no-fund --silent ./pkg && /usr/bin/node -e 'require("pkg")'`,
    ],
    makes: "out",
    clean: ["node_modules", "package-lock.json", "out"],
  },
};

for (const [what, { needs, files, command, makes, clean }] of Object.entries(PROGRAMS)) {
  const missing = needs.find((program) => !installed(program));
  testIf(
    missing === undefined,
    `${missing} is not installed`,
    `--learn: ${what} runs again with what it was seen to need, and gets nothing else`,
    async () => {
      await withFolder({ secret: "secret\n" }, async (folder) => {
        const work = `${folder}/work`;
        for (const [name, content] of Object.entries(files)) {
          await Deno.mkdir(`${work}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
          await Deno.writeTextFile(`${work}/${name}`, content);
        }
        if (needs.includes("git")) {
          const git = (...args: string[]) =>
            new Deno.Command("git", {
              args: ["-C", `${work}/src`, "-c", "user.name=a", "-c", "user.email=a@b", ...args],
            }).output();
          await git("init", "-q");
          await git("add", "note");
          assert((await git("commit", "-qm", "first")).success);
        }
        // Root's sandboxes write as another user than root.
        await new Deno.Command("chmod", { args: ["-R", "a+rwX", work] }).output();
        const learned = `${folder}/learned.yaml`;
        // Each call of npm's is seen, which takes long on a machine that has other things to do.
        const options = {
          env: { PATH: "/usr/bin:/bin" },
          signal: AbortSignal.timeout(180_000),
        };
        const first = await paddock([
          ...["run", "--root", "/", "-b", `${work}:rw`, "-w", work, "--learn", learned, "--"],
          ...command,
        ], options);
        assertEquals(first.code, 0, first.stderr);
        assertStringIncludes(first.stderr, "wrote");
        const reset = async () => {
          assert(Deno.statSync(`${work}/${makes}`).isFile);
          for (const name of clean) await Deno.remove(`${work}/${name}`, { recursive: true });
        };
        await reset();
        const text = await Deno.readTextFile(learned);
        assertStringIncludes(text, "\nroot: empty\n");
        assert(!text.includes(`${folder}/secret`));
        const again = await paddock(["run", "-f", learned], options);
        assertEquals(again.code, 0, again.stderr);
        await reset();
        const extra = await paddock(
          ["run", "-f", learned, "-e", `EXTRA=${folder}/secret`],
          options,
        );
        assert(extra.code !== 0, "the planted access was not refused");
        assertStringIncludes(extra.stderr, "secret");
        assert(/No such file|ENOENT|cannot open/i.test(extra.stderr), extra.stderr);
      });
    },
  );
}
