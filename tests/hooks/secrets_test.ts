import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { secrets } from "../../hooks/secrets.ts";
import { HookError, sandbox, SpecError } from "../../mod.ts";
import { sh } from "../integration/support.ts";

const WORD = "correct-horse-battery";

Deno.test("secrets: the command reads them, in memory and for itself alone", async () => {
  const box = sandbox().use(secrets({ token: WORD, key: new Uint8Array([1, 2]) }));
  const said = await sh(
    box,
    "cat /run/secrets/token; echo; stat -c %a:%s:%u /run/secrets/key; id -u; stat -fc %T /run/secrets",
  );
  const [token, key, uid, type] = said.split("\n");
  assertEquals([token, type], [WORD, "tmpfs"]);
  assertEquals(key, `400:2:${uid}`);
});

Deno.test("secrets: whoever the command is, the files are its own", async () => {
  const box = sandbox().user(1234, 1235).use(secrets({ token: WORD }));
  assertEquals(await sh(box, "cat /run/secrets/token"), WORD);
});

Deno.test("secrets: they are in no description, environment, argument or result", async () => {
  const box = sandbox().use(secrets({ token: WORD }));
  assert(!JSON.stringify(box.spec).includes(WORD));
  assert(!String(box.plan(["true"])).includes(WORD));
  const { stdout, ...result } = await box.output([
    "sh",
    "-c",
    "env; cat /proc/*/cmdline /proc/mounts",
  ]);
  assert(!new TextDecoder().decode(stdout).includes(WORD));
  assert(!JSON.stringify(result).includes(WORD));
});

Deno.test("secrets: a function is asked for each launch, and what it throws ends that", async () => {
  let count = 0;
  const box = sandbox().use(secrets({ turn: async () => `${await ++count}` }));
  assertEquals(await sh(box, "cat /run/secrets/turn"), "1");
  assertEquals(await sh(box, "cat /run/secrets/turn"), "2");
  const broken = sandbox().use(secrets({
    token: () => {
      throw new Error("the store is locked");
    },
  }));
  const error = await assertRejects(() => broken.output(["true"]), HookError);
  assert(error.message.includes('the secret "token" cannot be had'), error.message);
});

Deno.test("secrets: a name that leads elsewhere is refused", () => {
  for (const name of ["../passwd", "a/b", "", ".", "..", "a\nb"]) {
    assertThrows(() => secrets({ [name]: WORD }), SpecError);
  }
});
