/** Who ran what, and how it ended: a line of JSON each, appended to a file that only its owner reads. */
import { audit, type AuditRecord } from "../hooks/audit.ts"; // "jsr:@paddock/paddock/hooks/audit"
import { sandbox } from "../mod.ts"; // "jsr:@paddock/paddock"

const folder = await Deno.makeTempDir();
try {
  const log = `${folder}/paddock.jsonl`;
  const box = sandbox().hostname("fern").env("TOKEN", "not written down").use(audit(log));
  await box.output(["true"]);
  await box.output(["sh", "-c", "exit 7"]);

  const text = await Deno.readTextFile(log);
  for (const line of text.trim().split("\n")) {
    const record: AuditRecord = JSON.parse(line);
    if (record.event === "end") console.log(`ended with ${record.code}`);
    else console.log(`started on ${record.spec.hostname}, with ${record.spec.env.join(" ")}`);
  }
  console.log("a value is in it:", text.includes("not written down"));
} finally {
  await Deno.remove(folder, { recursive: true });
}
