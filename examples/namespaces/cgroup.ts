/**
 * Cgroup namespace: inside, the group that the sandbox is in looks like the root of all groups, so
 * nothing tells a program where in the host's tree it runs.
 *
 *     deno run -A examples/namespaces/cgroup.ts
 *
 * In a project of your own: `import { sandbox } from "jsr:@paddock/paddock";`
 *
 * @module
 */

import { sandbox } from "../../mod.ts";

/** Which group each hierarchy's line names: `number:controllers:path`. cgroups(7). */
function groups(text: string): Map<string, string> {
  return new Map(
    text.trim().split("\n").map((line): [string, string] => {
      const [number, controllers, ...path] = line.split(":");
      return [controllers || `v2 (${number})`, path.join(":")];
    }),
  );
}

const isolated = sandbox();
const sharing = sandbox().share("cgroup");
const command = ["cat", "/proc/self/cgroup"];
const [inside, shared] = await Promise.all(
  [isolated, sharing].map(async (box) =>
    groups(new TextDecoder().decode((await box.output(command)).stdout))
  ),
);
const outside = groups(await Deno.readTextFile("/proc/self/cgroup"));

const other = [...outside].filter(([, path]) => path !== "/");
for (const [name, path] of other) {
  console.log(`hierarchy ${name}`);
  console.log("  outside:                   ", path);
  console.log("  inside, with share(cgroup):", shared!.get(name));
  console.log("  inside:                    ", inside!.get(name));
}
const roots = [...inside!.values()].filter((path) => path === "/").length;
console.log(`inside: ${roots} of ${inside!.size} groups look like the root`);
console.log(`outside: ${outside.size - other.length} of ${outside.size} are the root`);
