/**
 * A secret for a command that nobody else sees: a file in memory, made just before the command runs.
 * In the environment it would be in every child's, and in `/proc/PID/environ`.
 */
import { secrets } from "../hooks/secrets.ts"; // "jsr:@paddock/paddock/hooks/secrets"
import { sandbox } from "../mod.ts"; // "jsr:@paddock/paddock"

/** Yours would ask a password store: it is called for each launch. */
function fromStore(): string {
  return "hunter2";
}

const box = sandbox().use(secrets({ token: fromStore }));

const { stdout } = await box.output([
  "sh",
  "-c",
  `
  echo "the command has $(wc -c </run/secrets/token) bytes, of mode $(stat -c %a /run/secrets/token)"
  echo "on a $(stat -fc %T /run/secrets)"
  grep -qz hunter2 /proc/self/environ || echo "not in its environment"
`,
]);
console.log(new TextDecoder().decode(stdout).trim());
console.log("in the plan:", String(box.plan(["true"])).includes("hunter2"));
