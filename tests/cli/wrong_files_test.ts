/** Forty realistic mistakes in a file; each message names the line, the field and a remedy. */
import { assert, assertEquals } from "@std/assert";
import { oneLine } from "../../lib/cli/failure.ts";
import { readSpecFiles } from "../../lib/cli/spec_file.ts";
import { SpecError } from "../../lib/errors.ts";

/** A mistake, as its maker would tell of it, and the file. */
const WRONG: readonly [mistake: string, file: string][] = [
  ["a field is misspelt", "command: [id]\nhostnam: fern\n"],
  ["a field as docker compose calls it", "command: [id]\nvolumes: []\n"],
  ["limits at the top, as in compose", "command: [id]\nmemory: 64M\n"],
  ["an image as in compose", "image: debian\n"],
  ["the command as one text", "command: echo hello\n"],
  ["a number in the command", "command: [sleep, 5]\n"],
  ["an empty command", "command: []\n"],
  ["nothing after the colon", "command:\nhostname: fern\n"],
  ["the whole file is a list", "- command: [id]\n"],
  ["a mount as a text", "mounts:\n  - ./src:/work\n"],
  ["a mount without its kind", "mounts:\n  - source: ./src\n    target: /work\n"],
  ["a kind is misspelt", "mounts:\n  - kind: tmpf\n    target: /tmp\n"],
  ["volume instead of bind", "mounts:\n  - { kind: volume, source: a, target: /a }\n"],
  ["a bind without its source", "mounts:\n  - kind: bind\n    target: /work\n"],
  ["a bind with its target's other name", "mounts:\n  - { kind: bind, source: ., dst: /work }\n"],
  ["rw as a flag", "mounts:\n  - { kind: bind, source: ., target: /w, rw: true }\n"],
  ["ro as a flag", "mounts:\n  - { kind: bind, source: ., target: /w, ro: true }\n"],
  ["yes for true", "mounts:\n  - { kind: bind, source: ., target: /w, writable: yes }\n"],
  ["a relative target", "mounts:\n  - { kind: tmpfs, target: work }\n"],
  ["a target in the home directory", "mounts:\n  - { kind: tmpfs, target: ~/work }\n"],
  ["a size of a bind", "mounts:\n  - { kind: bind, source: ., target: /w, size: 1M }\n"],
  ["a unit that is none", "mounts:\n  - kind: tmpfs\n    target: /tmp\n    size: 64 Q\n"],
  ["a mode without quotes", "mounts:\n  - { kind: dir, target: /a, mode: 0750 }\n"],
  ["a mode in letters", 'mounts:\n  - { kind: dir, target: /a, mode: "rwx" }\n'],
  [
    "a work directory with nothing to work for",
    "mounts:\n  - { kind: overlay, target: /a, lower: [.], work: w }\n",
  ],
  ["variables outside of set", "env:\n  LANG: C\n"],
  ["a variable that is a number", "env:\n  set:\n    PORT: 8080\n"],
  [
    "a variable that is not marked",
    "mounts:\n  - kind: bind\n    source: ${HOME}/src\n    target: /w\n",
  ],
  ["a variable that is not set", "cwd: !env /${PADDOCK_NOT_SET}\n"],
  ["a variable that is none", "cwd: !env /${1X}\n"],
  ["a namespace is misspelt", "namespaces: { nett: new }\n"],
  ["host for shared", "namespaces: { net: host }\n"],
  ["a capability without CAP_", "capabilities: { keep: [net_bind_service] }\n"],
  ["a limit of a process among those of all", "limits:\n  nofile: 64\n"],
  ["processors in quotes", 'limits: { cpus: "0.5" }\n'],
  ["no processes at all", "limits:\n  pids: 0\n"],
  ["the soft limit above the hard one", "rlimits:\n  nofile: { soft: 64, hard: 16 }\n"],
  ["a network's mode as a text", "network: host\n"],
  ["a mode is misspelt", "network:\n  mode: brigde\n"],
  ["domains in a mode that has no gate", "network:\n  mode: pasta\n  allowDomains: [a.b]\n"],
  ["an address with https://", "network:\n  allowDomains:\n    - https://deno.land\n"],
  ["a port that is none", 'network: { mode: bridge, publish: ["80"] }\n'],
  ["a time without a unit", 'timeout: "30"\n'],
  ["a time of zero", "timeout: 0\n"],
  ["a user by name", "user: alice\n"],
  ["a user without an id", "user: { gid: 5 }\n"],
  ["niceness out of range", "nice: 40\n"],
  ["a terminal as a text", "tty: yes\n"],
  ["two roots in one", "root: { path: /, image: debian }\n"],
  ["a profile that is not there", "seccomp: ./none.json\n"],
  ["a file to extend that is not there", "extends: ./none.yaml\n"],
  ["a file that extends itself", "command: [id]\nextends: wrong.yaml\n"],
  ["a list is not closed", "command: [id\nhostname: fern\n"],
  ["a tab", "limits:\n\tmemory: 1M\n"],
  ["a field twice", "hostname: a\nhostname: b\n"],
  ["a colon in a text", "cwd: a: b\n"],
  ["a tag that is none", "cwd: !evn /${HOME}\n"],
  ["two documents", "command: [id]\n---\ncommand: [id]\n"],
  ["an empty file", "# nothing\n"],
];

const REMEDY =
  /did you mean|known: |write |give |leave it out|must be|none of|at least|from -?\d+ to|put |say it|close |indent |take one out|there are |it is in|is the root|in quotes|goes with|set it|positive|above|which has|should be|writes one|name (a|one)|are in "/;

const SNAPSHOT = new URL("golden/wrong_files.txt", import.meta.url);

Deno.test("each mistake has a message with a line; UPDATE=1 writes golden/wrong_files.txt", () => {
  assert(WRONG.length >= 40);
  const folder = Deno.makeTempDirSync({ prefix: "paddock-wrong-" });
  const told: string[] = [], without: string[] = [];
  try {
    for (const [mistake, file] of WRONG) {
      Deno.writeTextFileSync(`${folder}/wrong.yaml`, file);
      let message = "";
      try {
        readSpecFiles([`${folder}/wrong.yaml`]);
      } catch (error) {
        assert(error instanceof SpecError, `${mistake}: ${error}`);
        message = oneLine(error).replaceAll(`${folder}/`, "");
      }
      const line = Number(/^wrong\.yaml:(\d+):\d+: /.exec(message)?.[1]);
      assert(line >= 1 && line <= file.split("\n").length, `${mistake}: ${message}`);
      assert(!/\n| at .*\.ts:\d/.test(message), message);
      // What to do is a word of the message: known ones, an example, an instruction.
      if (!REMEDY.test(message)) without.push(message);
      told.push(`# ${mistake}\n${message}\n`);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
  assertEquals(without, []);
  const text = told.join("\n");
  if (Deno.env.get("UPDATE") === "1") Deno.writeTextFileSync(SNAPSHOT, text);
  assertEquals(text, Deno.readTextFileSync(SNAPSHOT));
});
