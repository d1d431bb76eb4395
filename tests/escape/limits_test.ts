// Bombs: programs that take all that they can get. Each sandbox has the limit that stops it, and
// afterwards the host is as well as before.

import { assert, assertEquals } from "@std/assert";
import { type Sandbox, sandbox, type SandboxOutput } from "../../mod.ts";
import { inFolder, installed, PACE, testIf, text, until } from "../integration/support.ts";
import { CAN_LIMIT, cgroupsOfTests, WHY_NOT } from "../cgroup/support.ts";

const MIB = 2 ** 20;

/** Free memory of the host, in bytes. */
function available(): number {
  return Number(/^MemAvailable:\s+(\d+)/m.exec(Deno.readTextFileSync("/proc/meminfo"))![1]) * 1024;
}

/** Runs a bomb, and sees to the host's health: its memory, and that no cgroup is left. */
async function explode(box: Sandbox, script: string): Promise<SandboxOutput & { took: number }> {
  const before = available();
  const start = performance.now();
  // An emulated machine is slow; a bomb that goes off is much quicker.
  const result = await box.timeout("120s").output(["sh", "-c", script]);
  const took = performance.now() - start;
  assert(!result.timedOut, `it was still at it after ${took} ms: ${text(result.stderr)}`);
  assert(await until(() => before - available() < 200 * MIB), "the host's memory is used up");
  assert(await until(() => cgroupsOfTests().length === 0), cgroupsOfTests().join());
  return { ...result, took };
}

function bomb(name: string, fn: () => Promise<void>): void {
  testIf(CAN_LIMIT, WHY_NOT, name, fn);
}

const EATER = (bytes: number) => `exec perl -e 'my $x = "a" x ${bytes}; sleep 20'`;

if (!installed("perl")) {
  console.warn("skipped: the memory bombs are perl's, which is not installed");
}

bomb("memory: 1 GiB against 64 MiB is killed, and the result says so", async () => {
  const { signal, oomKilled, usage, took } = await explode(
    sandbox().limits({ memory: "64M" }),
    EATER(2 ** 30),
  );
  assertEquals([signal, oomKilled], ["SIGKILL", true]);
  assert(took < 5000 * PACE, `${took} ms`);
  if (usage.memoryPeak !== undefined) {
    assert(usage.memoryPeak > 32 * MIB && usage.memoryPeak <= 65 * MIB, `${usage.memoryPeak}`);
  }
});

bomb("memory: what is within the limit lives", async () => {
  const { code, oomKilled } = await explode(
    sandbox().limits({ memory: "64M" }),
    `perl -e 'my $x = "a" x ${16 * MIB}; print length $x'`,
  );
  assertEquals([code, oomKilled], [0, false]);
});

bomb("memory: files in tmpfs are counted", async () => {
  const { code, oomKilled } = await explode(
    sandbox().limits({ memory: "48M" }).tmpfs("/big", { size: "1G" }),
    "exec cat /dev/zero > /big/file",
  );
  assertEquals([oomKilled, code], [true, 137]);
});

bomb("memory: /tmp and /dev/shm are counted together with it", async () => {
  const { oomKilled } = await explode(
    sandbox().limits({ memory: "48M" }),
    "head -c 30000000 /dev/zero > /tmp/a && exec head -c 30000000 /dev/zero > /dev/shm/b",
  );
  assertEquals(oomKilled, true);
});

bomb(
  "memory: the cache of files that are read is given back, and nobody killed for it",
  async () => {
    await inFolder(async (folder) => {
      await Deno.writeFile(`${folder}/large`, new Uint8Array(128 * MIB));
      const { code, oomKilled, stdout } = await explode(
        sandbox().limits({ memory: "32M" }).bind(folder, "/data"),
        "cat /data/large | wc -c",
      );
      assertEquals([code, oomKilled, text(stdout)], [0, false, `${128 * MIB}\n`]);
    });
  },
);

bomb("memory: pipes and sockets of the kernel's are counted", async () => {
  // Each descriptor holds what the kernel buffers for it; the program itself stays small.
  const { oomKilled, signal, stdout } = await explode(
    sandbox().limits({ memory: "24M" }).rlimit("nofile", 20_000),
    `exec perl -e '
      use Socket; my @keep; $| = 1;
      for my $n (1 .. 4000) {
        socketpair(my $a, my $b, AF_UNIX, SOCK_DGRAM, 0) or last;
        setsockopt($a, SOL_SOCKET, SO_SNDBUF, 200000);
        fcntl($a, 4, 2048);
        1 while defined send($a, "x" x 4096, 0);
        push @keep, $a, $b;
      }
      print "survived";'`,
  );
  assertEquals([oomKilled, signal, text(stdout)], [true, "SIGKILL", ""]);
});

bomb("memory: many small eaters are stopped as one is", async () => {
  const { oomKilled, usage } = await explode(
    sandbox().limits({ memory: "64M", pids: 64 }),
    `for i in 1 2 3 4 5 6 7 8; do perl -e 'my $x = "a" x ${16 * MIB}; sleep 1' & done; wait`,
  );
  assertEquals(oomKilled, true);
  if (usage.memoryPeak !== undefined) assert(usage.memoryPeak <= 65 * MIB);
});

bomb("processes: a fork bomb stays within its 20", async () => {
  const { usage, stdout } = await explode(
    sandbox().limits({ pids: 20 }),
    // All of them fork as fast as they can; the first one counts the others too.
    `exec perl -e 'my ($top, $end, $most, $refused) = ($$, time + 3, 0, 0);
      while (time < $end) {
        my $child = fork;
        $refused++ unless defined $child;
        next if $$ != $top;
        my @all = glob("/proc/[0-9]*");
        $most = @all if @all > $most;
      }
      print "$most $refused" if $$ == $top'`,
  );
  const [most, refused] = text(stdout).split(" ").map(Number);
  // With pid 1, the sandbox's supervisor.
  assert(most! >= 20 && most! <= 21, `${most} processes at most`);
  assert(refused! > 0, "none was refused");
  if (usage.pidsPeak !== undefined) assert(usage.pidsPeak <= 21, `${usage.pidsPeak} at most`);
});

bomb("processes: the limit is how many the command may have, itself counted", async () => {
  const { stdout } = await explode(
    sandbox().limits({ pids: 5 }),
    `exec perl -e 'my ($made, $errno) = (0, 0);
      for (1 .. 12) {
        my $child = fork;
        if (!defined $child) { $errno = $! + 0; last }
        if ($child == 0) { sleep 2; exit }
        $made++;
      }
      print "$made $errno"'`,
  );
  assertEquals(text(stdout), "4 11"); // EAGAIN
});

/** The share of the last ten seconds in which somebody on this machine waited for a processor. */
function busy(): number {
  try {
    const text = Deno.readTextFileSync("/proc/pressure/cpu");
    return Number(/some avg10=([\d.]+)/.exec(text)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

bomb("processors: a quarter of one is a quarter of one, within a tenth", async () => {
  const shares: number[] = [];
  // Never more than that; less only where others take the processors.
  for (let round = 0; round < 3; round++) {
    const { usage } = await explode(
      sandbox().limits({ cpus: 0.25 }),
      "( while :; do :; done ) & ( while :; do :; done ) & sleep 5; kill %1 %2",
    );
    const share = (usage.user + usage.system) / usage.wall;
    shares.push(share);
    assert(share < 0.275, `${share} of a processor`);
    if (share > 0.225) return assert(usage.throttled! > 100, `throttled ${usage.throttled} ms`);
  }
  if (busy() > 20) return console.warn(`skipped: others want the processors, it got ${shares}`);
  throw new Error(`${shares} of a processor`);
});

bomb("descriptors: a process gets no more than its limit, and the host keeps its own", async () => {
  const { stdout } = await explode(
    sandbox().rlimit("nofile", 64).limits({ pids: 20, memory: "64M" }),
    `perl -e 'my @keep; while (open(my $f, "<", "/dev/null")) { push @keep, $f }
      print scalar(@keep), " ", $!+0'`,
  );
  assertEquals(text(stdout), "61 24"); // EMFILE
});

bomb("disk: a tmpfs is full at its size", async () => {
  const { stdout } = await explode(
    sandbox().tmpfs("/disk", { size: "8M" }).limits({ memory: "64M" }),
    "cat /dev/zero > /disk/file; stat -c %s /disk/file",
  );
  assertEquals(text(stdout), `${8 * MIB}\n`);
});

bomb("a process inside cannot leave its cgroup or raise its limits", async () => {
  const { stdout } = await explode(
    sandbox().limits({ memory: "64M" }).bind("/sys/fs/cgroup", "/sys/fs/cgroup"),
    `find /sys/fs/cgroup -name cgroup.procs | grep -q . && echo seen
     find /sys/fs/cgroup -name cgroup.procs -exec sh -c '
       for file; do echo $$ > "$file"; done 2>/dev/null && echo left "$1"' sh {} + | grep left
     find /sys/fs/cgroup -name "memory.*max*" -o -name "memory.limit_in_bytes" |
       while read -r file; do echo max > "$file"; done 2>/dev/null && echo raised
     find /sys/fs/cgroup -name release_agent -exec sh -c 'echo /evil > "$1"' sh {} \\; 2>/dev/null
     find /sys/fs/cgroup -name release_agent -exec cat {} + | grep evil
     echo stayed`,
  );
  assertEquals(text(stdout), "seen\nstayed\n");
});
