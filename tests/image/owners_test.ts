/** What an ordinary user's import keeps of owners: all of it where there are ids for it. */
import { assertEquals, assertRejects } from "@std/assert";
import { UnsupportedError } from "../../mod.ts";
import { ownIdMaps } from "../../lib/image/owners/user_namespace.ts";
import { fileStatus } from "../../lib/sys/mod.ts";
import { ROOT, testIf } from "../integration/support.ts";
import { archive, inStore, leftovers } from "./archives.ts";

const maps = ROOT ? undefined : ownIdMaps();
const OWNED = archive(
  { name: "mine", data: "x" },
  { name: "theirs", uid: 33, gid: 34, mode: 0o4710, data: "x" },
  { name: "dir/", type: "5", uid: 7, gid: 7, mode: 0o700 },
  { name: "dir/below", uid: 7, gid: 7, mode: 0, data: "x" },
);

testIf(
  !ROOT,
  "root keeps all owners",
  "owners: flattened, and said so",
  () =>
    inStore(async ({ put, tree, images, folder }) => {
      const image = await put(OWNED, { owners: "flatten", name: "flat" });
      assertEquals([image.owners, image.report.flattened], ["flattened", 3]);
      assertEquals(fileStatus(`${tree(image)}/theirs`).uid, Deno.uid());
      assertEquals(fileStatus(`${tree(image)}/theirs`).mode & 0o7777, 0o4710);
      await images.remove("flat");
      assertEquals(leftovers(folder), []);
    }),
);

testIf(
  !ROOT && maps === undefined,
  "this user has ids for several owners",
  "owners: keeping them without ids is an error that says what to do",
  () =>
    inStore(async ({ put }) => {
      await assertRejects(() => put(OWNED, { owners: "keep" }), UnsupportedError, "/etc/subuid");
    }),
);

testIf(
  maps !== undefined,
  "only for an ordinary user with lines in /etc/subuid",
  "owners: kept by the ids of the user",
  () =>
    inStore(async ({ put, tree, images, folder }) => {
      const seen: number[] = [];
      const image = await put(OWNED, {
        owners: undefined,
        name: "kept",
        progress: (done) => seen.push(done),
      });
      assertEquals([image.owners, image.report.flattened], ["kept", 0]);
      const [, range] = maps!.uids, [, groups] = maps!.gids;
      const theirs = fileStatus(`${tree(image)}/theirs`);
      assertEquals([theirs.uid, theirs.gid], [range!.outside + 32, groups!.outside + 33]);
      assertEquals(theirs.mode & 0o7777, 0o4710);
      assertEquals(fileStatus(`${tree(image)}/mine`).uid, Deno.uid());
      await assertRejects(() => put(archive({ name: "../x" }), { owners: "keep" }), Error, '".."');
      await images.export("kept", `${folder}/out.tar`, "rootfs");
      const again = (await images.import(`${folder}/out.tar`, { owners: "keep" }))[0]!;
      assertEquals(fileStatus(`${tree(again)}/theirs`).uid, theirs.uid);
      await images.remove("kept");
      await images.remove(again.id);
      assertEquals(leftovers(folder), []);
    }),
);
