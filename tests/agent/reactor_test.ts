/** The one place that waits. */
import { assertEquals } from "@std/assert";
import { reactor } from "../../lib/agent/reactor.ts";
import { EPOLLIN } from "../../lib/sys/abi/poll.ts";
import { close, duplicateOnto, pipe, writeAll } from "../../lib/sys/file.ts";

Deno.test("reactor: what was told of a closed descriptor is not told of its number's next owner", async () => {
  const [first, firstEnd] = pipe(), [second, secondEnd] = pipe();
  const [stale, staleEnd] = pipe();
  const told: string[] = [];
  const done = Promise.withResolvers<void>();
  reactor().hold();
  try {
    // Both are ready in one wait; the first that is served gives the other's number to a new file,
    // in which there is nothing to read.
    const replace = (name: string, other: number) => () => {
      told.push(name);
      reactor().unwatch(first);
      reactor().unwatch(second);
      duplicateOnto(stale, other);
      reactor().watch(other, EPOLLIN, () => told.push("stale"));
      setTimeout(done.resolve, 50);
    };
    writeAll(firstEnd, new Uint8Array(1));
    writeAll(secondEnd, new Uint8Array(1));
    reactor().watch(first, EPOLLIN, replace("first", second));
    reactor().watch(second, EPOLLIN, replace("second", first));
    await done.promise;
    assertEquals(told.length, 1, told.join());
  } finally {
    for (const fd of [first, second]) reactor().unwatch(fd);
    reactor().release();
    for (const fd of [first, firstEnd, second, secondEnd, stale, staleEnd]) close(fd);
  }
});
