/**
 * UTS namespace: three hostnames on one machine at the same time.
 *
 *     deno run -A examples/namespaces/uts.ts
 *
 * In a project of your own: `import { sandbox } from "jsr:@paddock/paddock";`
 *
 * @module
 */

import { sandbox } from "../../mod.ts";

const before = Deno.hostname();

// Each prints its name only after the other has been given its own: the inputs end together.
const children = await Promise.all(
  ["fern", "moss"].map((name) =>
    sandbox().hostname(name).domainname("garden.example").spawn(
      ["sh", "-c", 'read -r line; echo "$(uname -n) in $(cat /proc/sys/kernel/domainname)"'],
      { stdin: "piped", stdout: "piped" },
    )
  ),
);
for (const child of children) await child.stdin.close();
for (const child of children) {
  console.log("inside: ", (await new Response(child.stdout).text()).trim());
  await child.status;
}
console.log("outside:", Deno.hostname());
console.log("outside, before:", before);
