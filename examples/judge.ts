/**
 * A judge of programs that nobody trusts: each is run in a fresh sandbox with limits, and gets a
 * verdict with the time and memory it took.
 *
 *     deno run -A examples/judge.ts
 *
 * @module
 */

import { sandbox } from "../mod.ts"; // in your project: "jsr:@paddock/paddock"

const MEBIBYTE = 1024 * 1024;
const INPUT = "20 22\n";
const EXPECTED = "42\n";

const solutions: Record<string, string> = {
  "adds": 'read -r a b; echo "$((a + b))"',
  "multiplies": 'read -r a b; echo "$((a * b))"',
  "loops forever": "while :; do :; done",
  "sleeps": "sleep 60",
  "eats memory": `exec perl -e '$x = "x" x 1_000_000_000; print length $x'`,
  "fills the disk": "head -c 100M /dev/zero > /tmp/big",
  "crashes": "kill -SEGV $$",
  "calls home": "exec 3<>/dev/tcp/192.0.2.1/80 && echo 42",
  "reads the answer": "cat /judge/expected",
};

for (const [name, source] of Object.entries(solutions)) {
  const box = sandbox()
    .file("/judge/solution.sh", source)
    .file("/judge/input", INPUT)
    .tmpfs("/tmp", { size: "16M" })
    .rlimit("as", 256 * MEBIBYTE)
    .rlimit("core", 0)
    .timeout("500ms");
  const result = await box.output(["bash", "-c", "exec bash /judge/solution.sh < /judge/input"]);
  const answer = new TextDecoder().decode(result.stdout);
  const verdict = result.timedOut
    ? "time limit exceeded"
    : result.signal !== null
    ? `killed by ${result.signal}`
    : !result.success
    ? `failed with status ${result.code}`
    : answer === EXPECTED
    ? "accepted"
    : "wrong answer";
  const { wall, user, system, maxRss } = result.usage;
  console.log(
    `${name.padEnd(17)}${verdict.padEnd(24)}${wall.toFixed(0).padStart(5)} ms`,
    `(cpu ${(user + system).toFixed(0).padStart(3)} ms, ${(maxRss / MEBIBYTE).toFixed(1)} MiB)`,
  );
}
