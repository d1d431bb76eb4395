/** The JSON Schema is one, takes what Paddock takes, and refuses what the schema refuses. */
import { assert, assertEquals } from "@std/assert";
import { parse } from "@std/yaml";
import { SpecError } from "../../lib/errors.ts";
import { checkShape } from "../../lib/schema/check.ts";
import { jsonSchema } from "../../lib/schema/json_schema.ts";
import { FILE } from "../../lib/schema/spec.ts";
import { generated } from "../../scripts/yaml_reference.ts";

type Validate = ((value: unknown) => boolean) & { errors?: unknown };

async function validator(): Promise<Validate> {
  const { Ajv2020: Ajv } = await import("npm:ajv@^8.17.0/dist/2020.js");
  // Its strict mode is about style, e.g. a pattern beside two types.
  const ajv = new Ajv({ strict: false, validateSchema: true });
  return ajv.compile(jsonSchema() as object) as Validate;
}

const GOOD = `
- { command: [id], root: host }
- { root: { path: /, ephemeral: true, size: 1G }, mounts: [{ kind: dev, target: /dev }] }
- { root: ./rootfs, namespaces: { time: new, uts: { join: /run/uts/blue }, mnt: { join: { pid: 1 } } } }
- { mounts: [{ kind: filesystem, type: ext4, target: /a, options: { noload: true, a: 1, b: c } }] }
- { mounts: [{ kind: dir, target: /a, mode: "0755" }], umask: "022", idMap: auto, nice: -5 }
- { network: { allowDomains: [a.b, { name: "*.c", ports: [443] }] }, limits: { hugetlb: { 2M: 4M } } }
- { network: { mode: bridge, publish: ["80:80"], bandwidth: { up: 10mbit, down: 5 } }, tty: true }
- { seccomp: none, landlock: from-mounts, rlimits: { nofile: { soft: 1, hard: unlimited } } }
- { seccomp: { profile: { rules: [] }, log: true }, landlock: { tcp: { bind: [80] }, scopes: [signal] } }
- { extends: [a.yaml], hooks: [./a.ts], timeout: 30s, timeOffsets: { boottime: -1d }, cpuAffinity: "0-3" }
- { capabilities: { keep: [CAP_KILL] }, env: { set: { A: "1" }, inherit: all }, user: { uid: 1 } }
`;

const BAD = `
- { hostnam: a }
- { command: id }
- { command: [1] }
- { command: [] }
- { mounts: [{ target: /a }] }
- { mounts: [{ kind: tmpf, target: /a }] }
- { mounts: [{ kind: tmpfs, target: a }] }
- { mounts: [{ kind: tmpfs, target: /a, writable: true }] }
- { mounts: [{ kind: bind, source: a, target: /b, writable: "yes" }] }
- { mounts: [{ kind: dir, target: /a, mode: 755 }] }
- { mounts: [{ kind: tmpfs, target: /a, size: lots }] }
- { env: { A: "1" } }
- { env: { set: { A: 1 } } }
- { namespaces: { nett: new } }
- { namespaces: { net: host } }
- { capabilities: { keep: [KILL] } }
- { limits: { cpus: "0.5" } }
- { limits: { pids: 0 } }
- { limits: { hugetlb: { large: 1M } } }
- { network: host }
- { network: { mode: brigde } }
- { network: { mode: pasta, allowDomains: [] } }
- { network: { mode: vxlan } }
- { timeout: 30 }
- { timeout: soon }
- { user: { gid: 1 } }
- { nice: 20 }
- { rlimits: { files: 1 } }
- { root: { path: /, overlay: { lower: [a] } } }
- { landlock: { paths: [{ path: /usr, allow: reed }] } }
- { scheduler: { policy: fast } }
- { tty: { columns: 80 } }
- { cpuAffinity: 3 }
`;

Deno.test("the JSON Schema and the check of files say the same", async () => {
  const validate = await validator();
  const shapeIsRight = (value: unknown) => {
    try {
      checkShape(FILE, value, "", { file: true });
      return true;
    } catch (error) {
      assert(error instanceof SpecError);
      return false;
    }
  };
  for (const [list, right] of [[GOOD, true], [BAD, false]] as const) {
    for (const value of parse(list) as unknown[]) {
      const text = JSON.stringify(value);
      assertEquals(shapeIsRight(value), right, text);
      assertEquals(validate(value), right, `${text}: ${JSON.stringify(validate.errors)}`);
    }
  }
});

Deno.test("every field says what it is for", () => {
  const silent: string[] = [];
  const walk = (value: unknown, path: string) => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, entry] of Object.entries(value)) {
      if (path.endsWith(".properties") && !("const" in entry) && !entry.description) {
        silent.push(`${path}.${key}`);
      }
      walk(entry, `${path}.${key}`);
    }
  };
  walk(jsonSchema(), "");
  assertEquals(silent, []);
});

Deno.test("docs/yaml.md and docs/paddock.schema.json are what the schema makes", async () => {
  for (const [name, text] of await generated()) {
    const before = await Deno.readTextFile(new URL(`../../${name}`, import.meta.url));
    assert(before === text, `${name} is old; run deno task reference`);
  }
});
