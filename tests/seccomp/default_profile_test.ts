import { assert, assertEquals } from "@std/assert";
import { describeValue } from "../../lib/seccomp/actions.ts";
import { ARCHITECTURES } from "../../lib/seccomp/check_policy.ts";
import { compilePolicy } from "../../lib/seccomp/compile.ts";
import { ALLOWED } from "../../lib/seccomp/default_allowed.ts";
import { PARTLY_ALLOWED } from "../../lib/seccomp/default_arguments.ts";
import { BLOCKED } from "../../lib/seccomp/default_blocked.ts";
import { defaultPolicy, type DefaultProfileOptions } from "../../lib/seccomp/default_profile.ts";
import { runFilter } from "../../lib/seccomp/interpreter.ts";
import { callNames, callNumber } from "../../lib/seccomp/outcomes.ts";
import type { CapabilityName, SeccompArch } from "../../lib/spec.ts";
import { filtersFile, guardFile } from "../../scripts/generate_filters.ts";

const allowed = Object.values(ALLOWED).flat();
const blocked = BLOCKED.flatMap(({ calls }) => calls);

Deno.test("somebody has looked at every system call, and at each once", () => {
  const listed = [...allowed, ...blocked, ...PARTLY_ALLOWED];
  assertEquals(new Set(listed).size, listed.length, "a call stands twice");
  assertEquals([...listed].sort(), callNames(...ARCHITECTURES).sort());
});

Deno.test("every blocked group says why", () => {
  for (const { what, why, calls } of BLOCKED) {
    assert(what.length > 3 && why.length > 10 && calls.length > 0, what);
  }
});

Deno.test("the compiled filters are those of the profile as it stands", async () => {
  const files = { "default_filters.ts": filtersFile(), "guard_filters.ts": guardFile() };
  for (const [name, text] of Object.entries(files)) {
    const file = new URL(`../../lib/seccomp/${name}`, import.meta.url);
    assertEquals(await Deno.readTextFile(file), text, "run `deno task filters`");
  }
});

function results(
  options: Partial<DefaultProfileOptions> = {},
  arch: SeccompArch = "x86_64",
): (name: string, ...args: (number | bigint)[]) => string {
  const filter = compilePolicy(
    defaultPolicy({ capabilities: new Set(), guardSetuid: false, ...options }, [arch]),
  );
  return (name, ...args) => {
    const number = /^\d+$/.test(name) ? Number(name) : callNumber(name, arch)!;
    const { value } = runFilter(filter, { arch, number, arguments: args.map(BigInt) });
    return describeValue(value);
  };
}

for (const arch of ARCHITECTURES) {
  Deno.test(`on ${arch}, what is allowed is allowed, and what is blocked gets its errno`, () => {
    const get = results({}, arch);
    for (const name of allowed) {
      if (callNumber(name, arch) !== undefined) assertEquals(get(name), "allow", name);
    }
    for (const { calls, errno = "EPERM" } of BLOCKED) {
      for (const name of calls) {
        if (callNumber(name, arch) !== undefined) assertEquals(get(name), errno, name);
      }
    }
    // Calls of the future, and holes in the table.
    for (const number of ["600", "470", "1000000"]) assertEquals(get(number), "ENOSYS");
  });
}

const HIGH = 1n << 40n;

Deno.test("arguments that the kernel cuts to 32 bits are compared so (CVE-2019-10063)", () => {
  const get = results();
  for (const request of [0x5412n, 0x541cn, 0x541dn, 0x5423n]) {
    assertEquals(get("ioctl", 0, request), "EPERM");
    assertEquals(get("ioctl", 0, request | HIGH), "EPERM");
    assertEquals(get("ioctl", 0, request + 0x1000n), "allow");
  }
  assertEquals(get("socket", 40, 1, 0), "EAFNOSUPPORT");
  assertEquals(get("socket", 40n | HIGH, 1, 0), "EAFNOSUPPORT");
  assertEquals(get("personality", 0x0400_0000n | HIGH), "EPERM");
});

Deno.test("namespaces cannot be made by clone or unshare, and clone3 does not exist", () => {
  const get = results();
  const flags = [
    0x80,
    0x2_0000,
    0x200_0000,
    0x400_0000,
    0x800_0000,
    0x1000_0000,
    0x2000_0000,
    0x4000_0000,
  ];
  for (const flag of flags) {
    assertEquals(get("unshare", flag), "EPERM", flag.toString(16));
    // 0x80 is a part of the signal's number there.
    if (flag !== 0x80) assertEquals(get("clone", flag + 17), "EPERM", flag.toString(16));
  }
  assertEquals(get("clone", 0x3d_0f00), "allow", "a thread");
  assertEquals(get("clone", 17), "allow", "a process");
  assertEquals(get("unshare", 0x200), "allow", "its own directory");
  assertEquals(get("clone3"), "ENOSYS");
  assertEquals(get("setns"), "EPERM");
});

Deno.test("sockets of four families, and of netlink what is asked by ordinary programs", () => {
  const get = results();
  for (
    const [family, type, protocol, result] of [
      [1, 1, 0, "allow"],
      [1, 5, 0, "allow"],
      [2, 1, 0, "allow"],
      [2, 2, 17, "allow"],
      [10, 0x80801, 6, "allow"],
      [2, 3, 255, "allow"], // The kernel asks for CAP_NET_RAW.
      [16, 3, 0, "allow"],
      [16, 3, 4, "allow"],
      [16, 2, 15, "allow"],
      [16, 3, 12, "EPROTONOSUPPORT"],
      [16, 3, 6, "EPROTONOSUPPORT"],
      [2, 1, 132, "EPROTONOSUPPORT"],
      [2, 1, 262, "EPROTONOSUPPORT"],
      [2, 5, 0, "ESOCKTNOSUPPORT"],
      [10, 6 | 0x80000, 0, "ESOCKTNOSUPPORT"],
    ] as const
  ) assertEquals(get("socket", family, type, protocol), result, `${family} ${type} ${protocol}`);
  for (let family = 0; family < 64; family++) {
    if ([1, 2, 10, 16].includes(family)) continue;
    assertEquals(get("socket", family, 1, 0), "EAFNOSUPPORT", `${family}`);
    assertEquals(get("socketpair", family, 1, 0), "EAFNOSUPPORT", `${family}`);
  }
});

Deno.test("set-uid bits are kept off files where root lets the host's be written", () => {
  const get = results({ guardSetuid: true });
  const plain = results();
  const cases: [string, (number | bigint)[], string][] = [
    ["chmod", [0, 0o4755], "EPERM"],
    ["chmod", [0, 0o2755], "EPERM"],
    ["chmod", [0, 0o1777], "allow"],
    ["fchmod", [3, 0o4755], "EPERM"],
    ["fchmodat", [3, 0, 0o6755], "EPERM"],
    ["fchmodat2", [3, 0, 0o4755, 0], "EPERM"],
    ["mknod", [0, 0o104755], "EPERM"],
    ["mknodat", [3, 0, 0o104755], "EPERM"],
    ["mknod", [0, 0o100644], "allow"],
    ["creat", [0, 0o4755], "EPERM"],
    ["open", [0, 0o101, 0o4755], "EPERM"],
    ["open", [0, 0o101, 0o644], "allow"],
    ["open", [0, 0, 0o4755], "allow"], // Nothing is made.
    ["openat", [3, 0, 0o101, 0o4755], "EPERM"],
    ["openat", [3, 0, BigInt(0o101) | HIGH, BigInt(0o4755) | HIGH], "EPERM"],
    ["openat", [3, 0, 0o20200002, 0o4755], "EPERM"], // O_TMPFILE
    ["openat", [3, 0, 0o2, 0o4755], "allow"],
    ["openat2", [3, 0, 0, 24], "ENOSYS"],
    ["mkdir", [0, 0o2755], "allow"], // The kernel drops them.
  ];
  for (const [name, args, result] of cases) {
    assertEquals(get(name, ...args), result, `${name} ${args}`);
    assertEquals(plain(name, ...args), "allow", `${name} ${args}`);
  }
});

Deno.test("devices are not made without CAP_MKNOD", () => {
  const get = results(), may = results({ capabilities: new Set(["CAP_MKNOD"]) });
  for (
    const [mode, result] of [[0o20666, "EPERM"], [0o60666, "EPERM"], [0o10666, "allow"]] as const
  ) {
    assertEquals(get("mknod", 0, mode), result);
    assertEquals(get("mknodat", 3, 0, mode), result);
    assertEquals(may("mknod", 0, mode), "allow");
  }
});

Deno.test("a kept capability opens its groups and no other", () => {
  for (const { calls, errno = "EPERM", unless = [] } of BLOCKED) {
    for (const capability of unless) {
      const get = results({ capabilities: new Set([capability]) });
      assertEquals(get(calls[0]!), "allow", `${calls[0]} with ${capability}`);
    }
    const others: CapabilityName[] = ["CAP_CHOWN", "CAP_NET_BIND_SERVICE", "CAP_KILL"];
    assertEquals(results({ capabilities: new Set(others) })(calls[0]!), errno);
  }
  const admin = results({ capabilities: new Set<CapabilityName>(["CAP_SYS_ADMIN"]) });
  assertEquals(admin("unshare", 0x2_0000), "allow");
  assertEquals(admin("unshare", 0x1000_0000), "EPERM", "user namespaces stay closed");
  assertEquals(admin("clone", 0x1000_0000), "EPERM");
  assertEquals(admin("clone3"), "ENOSYS");
  assertEquals(results({ capabilities: new Set(["CAP_NET_RAW"]) })("socket", 17, 3, 768), "allow");
  assertEquals(results({ capabilities: new Set(["CAP_NET_ADMIN"]) })("socket", 16, 3, 12), "allow");
});
