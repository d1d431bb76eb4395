/** What needs the program that starts a sandbox is refused where it outlives that, by its name. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type Sandbox, sandbox, SpecError } from "../../mod.ts";
import { descriptionOf } from "../../lib/sandbox.ts";
import { checkDetachable, checkName } from "../../lib/run/detached/check.ts";
import { checkLogs } from "../../lib/state/log_options.ts";

function check(box: Sandbox, modules: readonly string[] = []): void {
  const { spec, plugins, handler } = descriptionOf(box);
  checkDetachable(spec, plugins, handler, modules);
}

function refused(box: Sandbox): SpecError {
  return assertThrows(() => check(box), SpecError);
}

Deno.test("what needs this program alive is a SpecError that names the option and another way", () => {
  const wrong: [Sandbox, string, string][] = [
    [
      sandbox().network("none", { allowDomains: ["deno.land"] }),
      "network.allowDomains",
      "foreground",
    ],
    [sandbox().network("none", { denyAddresses: ["::/0"] }), "network.denyAddresses", "foreground"],
    [sandbox().network("pasta"), "network.mode", "none, host, join"],
    [sandbox().network("bridge"), "network.mode", "none, host, join"],
    [
      sandbox().network("join", { target: "blue" }).publish("8080:80"),
      "network.publish",
      "foreground",
    ],
    [sandbox().tty(), "tty", "paddock exec -t"],
    [sandbox().seccomp("default", { log: true }), "seccomp.log", "foreground"],
    [sandbox().use({ name: "late", postStop() {} }), "hooks", "module"],
  ];
  for (const [box, field, instead] of wrong) {
    const error = refused(box);
    assertEquals(error.field, field);
    assertStringIncludes(error.message, "and a detached sandbox outlives it; ");
    assertStringIncludes(error.message, instead);
  }
});

Deno.test("what needs nobody is accepted", () => {
  check(sandbox());
  check(sandbox().network("host"));
  check(sandbox().network("none"));
  check(sandbox().network("join", { target: "blue" }));
  check(sandbox().timeout("1s").limits({ pids: 7 }));
  check(sandbox().use({ name: "early", postStart() {} }));
  check(sandbox().use({ name: "late", postStop() {} }), ["/hooks/late.ts"]);
});

Deno.test("names are file names, and logs have a size", () => {
  for (const name of ["web", "a", "A-1_2.3", "0"]) checkName(name);
  for (const name of ["", ".", "..", "-a", "a/b", "a b", "ü", "a".repeat(64), "a\n"]) {
    assertEquals(assertThrows(() => checkName(name), SpecError).field, "name");
  }
  assertEquals(checkLogs(), { size: 10 * 2 ** 20, files: 2 });
  assertEquals(checkLogs({ size: "64K", files: 1 }), { size: 65536, files: 1 });
  assertThrows(() => checkLogs({ size: 100 }), SpecError);
  assertThrows(() => checkLogs({ files: 0 }), SpecError);
  assertThrows(() => checkLogs({ files: 1.5 }), SpecError);
});
