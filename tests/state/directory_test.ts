/** The state directory belongs to its user, and names to one sandbox each. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { SandboxError, SpecError } from "../../mod.ts";
import { conditionOf } from "../../lib/state/condition.ts";
import { StateDirectory, writeWhole } from "../../lib/state/directory.ts";
import { idFor } from "../../lib/state/find.ts";
import { inFolder, ROOT, testIf } from "../integration/support.ts";
import { sampleRecord } from "./support.ts";

const FIRST = "00aa000000000000", SECOND = "00ab000000000000";

Deno.test("a directory that others could change is refused", async () => {
  await inFolder((folder) => {
    const refused = (path: string) => assertThrows(() => StateDirectory.make(path), SandboxError);
    Deno.mkdirSync(`${folder}/open`);
    Deno.chmodSync(`${folder}/open`, 0o755);
    assertStringIncludes(refused(`${folder}/open`).message, "is open to others; it must be");
    Deno.writeTextFileSync(`${folder}/file`, "");
    assertStringIncludes(refused(`${folder}/file`).message, "is no directory");
    Deno.mkdirSync(`${folder}/own`, { mode: 0o700 });
    Deno.symlinkSync(`${folder}/own`, `${folder}/link`);
    assertStringIncludes(refused(`${folder}/link`).message, "is no directory");
    assertStringIncludes(refused(`${folder}/none/deeper`).message, "ENOENT");
    assertEquals(StateDirectory.open(`${folder}/none`), undefined);
    const { mode } = Deno.statSync(StateDirectory.make(`${folder}/new`).path);
    assertEquals(mode! & 0o777, 0o700);
  });
});

testIf(
  ROOT,
  "only root can make a foreign directory",
  "a foreign directory is refused",
  async () => {
    await inFolder((folder) => {
      Deno.mkdirSync(`${folder}/theirs`, { mode: 0o700 });
      Deno.chownSync(`${folder}/theirs`, 65534, 65534);
      const error = assertThrows(() => StateDirectory.make(`${folder}/theirs`), SandboxError);
      assertStringIncludes(error.message, "belongs to user 65534");
    });
  },
);

Deno.test("a name is one sandbox's until it is removed", async () => {
  await inFolder(async (folder) => {
    const state = StateDirectory.make(`${folder}/state`);
    using _lock = await state.lock();
    state.claim(sampleRecord({ id: FIRST, name: "web" }));
    const taken = assertThrows(
      () => state.claim(sampleRecord({ id: SECOND, name: "web" })),
      SpecError,
    );
    assertStringIncludes(taken.message, `is the name of the sandbox ${FIRST} already`);
    assertEquals(state.ids(), [FIRST]);
    state.remove(FIRST, "web");
    assertEquals([state.ids(), state.idOf("web")], [[], undefined]);
    state.claim(sampleRecord({ id: SECOND, name: "web" }));
    // Whoever was killed in the middle of removing leaves one of the two, or the other.
    Deno.removeSync(state.sandbox(SECOND), { recursive: true });
    assertEquals(state.staleNames(), ["web"]);
    state.claim(sampleRecord({ id: FIRST, name: "web" }));
    assertEquals([state.idOf("web"), state.staleNames()], [FIRST, []]);
    state.remove(FIRST, "web");
    assertEquals([...Deno.readDirSync(`${state.path}/names`)], []);
  });
});

Deno.test("a name wins over an id; of an id the first digits are enough", async () => {
  await inFolder(async (folder) => {
    const state = StateDirectory.make(`${folder}/state`);
    using _lock = await state.lock();
    state.claim(sampleRecord({ id: FIRST }));
    state.claim(sampleRecord({ id: SECOND, name: "00aa" }));
    assertEquals(idFor(state, "00aa"), SECOND);
    assertEquals(idFor(state, "00aa0"), FIRST);
    assertEquals(idFor(state, FIRST), FIRST);
    const message = (word: string) => assertThrows(() => idFor(state, word), SandboxError).message;
    assertStringIncludes(message("00"), `"00" is the beginning of 2 ids: ${FIRST}, ${SECOND};`);
    assertEquals(message("nobody"), 'there is no sandbox "nobody"; `paddock ps -a` lists them');
    assertStringIncludes(message("../.."), "there is no sandbox");
    assertStringIncludes(message(""), "there is no sandbox");
  });
});

Deno.test("a damaged record is told of and hides no other", async () => {
  await inFolder(async (folder) => {
    const state = StateDirectory.make(`${folder}/state`);
    using _lock = await state.lock();
    state.claim(sampleRecord({ id: FIRST }));
    state.claim(sampleRecord({ id: SECOND }));
    Deno.truncateSync(state.file(SECOND, "record.json"), 50);
    const [good, bad] = state.entries();
    assertEquals([good!.record?.id, good!.error], [FIRST, undefined]);
    assertEquals(bad!.record, undefined);
    assertStringIncludes(bad!.error!.message, "it is cut off");
    // One that was copied is not taken for the sandbox whose directory it lies in.
    Deno.copyFileSync(state.file(FIRST, "record.json"), state.file(SECOND, "record.json"));
    assertStringIncludes(state.entries()[1]!.error!.message, "is another sandbox's");
  });
});

Deno.test("a lock is waited for", async () => {
  await inFolder(async (folder) => {
    const state = StateDirectory.make(`${folder}/state`);
    const order: string[] = [];
    const first = await state.lock();
    const waiting = state.lock().then((held) => {
      order.push("second");
      held[Symbol.dispose]();
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    order.push("first");
    first[Symbol.dispose]();
    await waiting;
    assertEquals(order, ["first", "second"]);
  });
});

Deno.test("a file is written whole or not at all", async () => {
  await inFolder(async (folder) => {
    writeWhole(`${folder}/file`, "one");
    writeWhole(`${folder}/file`, "two");
    assertEquals(Deno.readTextFileSync(`${folder}/file`), "two");
    assertEquals([...Deno.readDirSync(folder)].length, 1);
    // Nobody's link is followed.
    Deno.symlinkSync(`${folder}/elsewhere`, `${folder}/file.new`);
    await assertRejects(() => Promise.resolve().then(() => writeWhole(`${folder}/file`, "three")));
    assertEquals(Deno.readTextFileSync(`${folder}/file`), "two");
  });
});

Deno.test("what has become of a sandbox is told by its processes", async () => {
  await inFolder((folder) => {
    const record = sampleRecord({ status: `${folder}/status` });
    const gone = { ...record.starter, start: "1", inode: undefined };
    const processes = { keeper: gone, first: gone, command: gone };
    assertEquals(conditionOf(record), "starting");
    assertEquals(conditionOf({ ...record, starter: gone }), "broken");
    assertEquals(conditionOf({ ...record, processes }), "lost");
    const { starter: keeper } = record;
    assertEquals(conditionOf({ ...record, processes: { ...processes, keeper } }), "running");
    assertEquals(conditionOf({ ...record, pidNamespace: "1" }), "elsewhere");
    const before = { ...gone, boot: "an earlier one" };
    assertEquals(conditionOf({ ...record, pidNamespace: "1", starter: before }), "broken");
    Deno.writeTextFileSync(`${folder}/status`, "");
    assertEquals(conditionOf({ ...record, processes }), "ended");
    assert(true);
  });
});
