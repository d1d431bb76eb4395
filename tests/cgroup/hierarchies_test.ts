import { assertEquals } from "@std/assert";
import { directoryOf, parseHierarchies, readHierarchies } from "../../lib/cgroup/hierarchies.ts";
import { parentDirectory } from "../../lib/cgroup/layout.ts";
import { parsePressure } from "../../lib/cgroup/statistics.ts";

const HYBRID = `
24 1 0:22 / /sys rw,nosuid - sysfs sysfs rw
30 24 0:26 / /cg ro - tmpfs tmpfs ro,mode=755
31 30 0:27 / /cg/unified rw - cgroup2 cgroup2 rw,nsdelegate
32 30 0:28 / /cg/systemd rw - cgroup cgroup rw,xattr,name=systemd
33 30 0:29 / /cg/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
34 30 0:30 / /cg/mem\\040ory rw shared:5 - cgroup cgroup rw,memory
35 30 0:30 / /mnt/again rw - cgroup cgroup rw,memory
36 30 0:31 / /cg/blkio rw - cgroup cgroup rw,blkio
`;
const HYBRID_OWN = `12:memory:/user.slice
4:cpu,cpuacct:/user.slice/a
3:blkio:/
1:name=systemd:/user.slice/session-1.scope
0::/user.slice/session-1.scope
`;

Deno.test("the hierarchies of a hybrid, each with its own place", () => {
  const found = parseHierarchies(HYBRID, HYBRID_OWN);
  assertEquals(found.map(({ version, controllers, own }) => [version, controllers.join(), own]), [
    [2, "", "/cg/unified/user.slice/session-1.scope"],
    [1, "cpu,cpuacct", "/cg/cpu,cpuacct/user.slice/a"],
    [1, "memory", "/cg/mem ory/user.slice"],
    [1, "io", "/cg/blkio"],
  ]);
});

Deno.test("in a container only a part of a hierarchy is mounted", () => {
  const line = "40 30 0:30 /docker/abc /cg/memory ro - cgroup cgroup rw,memory";
  const [memory] = parseHierarchies(line, "5:memory:/docker/abc/inner\n");
  assertEquals(memory!.own, "/cg/memory/inner");
  const [self] = parseHierarchies(line, "5:memory:/docker/abc\n");
  assertEquals(self!.own, "/cg/memory");
  const [outside] = parseHierarchies(line, "5:memory:/elsewhere\n");
  assertEquals(outside!.own, "/cg/memory");
});

Deno.test("a parent is named as the kernel does, or by its directory", () => {
  const [unified] = parseHierarchies(
    "31 30 0:27 / /cg rw - cgroup2 cgroup2 rw",
    "0::/init\n",
  );
  assertEquals(directoryOf(unified!, "/"), "/cg");
  assertEquals(parentDirectory(unified!, "/mine"), "/cg/mine");
  assertEquals(parentDirectory(unified!, "/cg/mine/"), "/cg/mine");
});

Deno.test("this machine's are real directories", () => {
  for (const { own } of readHierarchies()) assertEquals(Deno.statSync(own).isDirectory, true, own);
});

Deno.test("pressure", () => {
  assertEquals(
    parsePressure(
      "some avg10=1.50 avg60=0.20 avg300=0.00 total=2500\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1000\n",
    ),
    {
      some: { avg10: 1.5, avg60: 0.2, avg300: 0, total: 2.5 },
      full: { avg10: 0, avg60: 0, avg300: 0, total: 1 },
    },
  );
  assertEquals(parsePressure(""), undefined);
});
