/** What a hostile sandbox does to those who enter it; each attempt must fail. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Sandbox, sandbox, StepError } from "../../mod.ts";
import { installed, PACE, testIf, text } from "../integration/support.ts";

/** How often it is entered under attack. */
const ENTRIES = Math.ceil(200 / PACE);

/**
 * Looks at every process as fast as it can, and tells what it got of one that was Paddock's own
 * before and after. Whoever has been executed is the sandbox's, and no secret.
 */
const SPY = String.raw`
use strict;
my ($ptrace) = @ARGV;
sub name { open(my $file, "<", "/proc/$_[0]/comm") or return ""; my $name = <$file> // ""; chomp $name; $name }
my (%got, $seen);
$| = 1;
print "ready\n";
until (-e "/tmp/stop") {
  # Whoever is traced, as anybody of the sandbox may be, is reaped by its tracer first.
  1 while waitpid(-1, 1) > 0;
  opendir(my $all, "/proc");
  for my $pid (grep { /^\d+$/ && $_ > 2 && $_ != $$ } readdir $all) {
    next if name($pid) ne "paddock";
    $seen++;
    my %now;
    my $exe = readlink "/proc/$pid/exe";
    $now{"exe $exe"} = 1 if defined $exe;
    my $cwd = readlink "/proc/$pid/cwd";
    $now{"cwd $cwd"} = 1 if defined $cwd;
    if (opendir(my $fds, "/proc/$pid/fd")) { $now{"fd"} = 1 if grep { /^\d+$/ } readdir $fds }
    for my $file ("mem", "environ", "maps") {
      $now{$file} = 1 if open(my $handle, "<", "/proc/$pid/$file");
    }
    $now{"write exe"} = 1 if open(my $handle, "+<", "/proc/$pid/exe");
    # PTRACE_SEIZE
    if (syscall($ptrace, 0x4206, $pid + 0, 0, 0) == 0) { $now{"ptrace"} = 1; }
    next if name($pid) ne "paddock";
    $got{$_} = 1 for keys %now;
  }
}
print "seen\n" if $seen;
print "$_\n" for sort keys %got;
`;

const PTRACE = Deno.build.arch === "x86_64" ? "101" : "117";

/** Enters a sandbox that spies, again and again: what the spy got. */
async function spyOn(box: Sandbox, command: readonly string[]): Promise<string[]> {
  await using running = await box.start(["perl", "-e", SPY, PTRACE], {
    stdin: "null",
    stdout: "piped",
  });
  const reader = running.stdout.pipeThrough(new TextDecoderStream()).getReader();
  assertEquals((await reader.read()).value, "ready\n");
  for (let entry = 0; entry < ENTRIES; entry++) await running.execOutput(command).catch(() => {});
  await running.execOutput(["touch", "/tmp/stop"]);
  let told = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return told.split("\n").filter((line) => line !== "" && line !== "seen");
    told += value;
  }
}

const spying = (name: string, fn: () => Promise<void>) =>
  testIf(installed("perl"), "perl is missing", name, fn);

spying("nobody inside looks into who enters (CVE-2016-9962)", async () => {
  assertEquals(await spyOn(sandbox().seccomp("none"), ["true"]), []);
});

spying("nor does inside's root, with the right to trace", async () => {
  const box = sandbox().user(0).capabilities(["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"]);
  assertEquals(await spyOn(box.seccomp("none"), ["true"]), []);
});

spying(
  "nor can the agent's program be written to when it is executed (CVE-2019-5736)",
  async () => {
    const box = sandbox().file("/evil", "#!/proc/self/exe\n", { mode: "0755" }).user(0)
      .capabilities(["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"]).seccomp("none");
    const got = await spyOn(box, ["/evil"]);
    assertEquals(got.filter((line) => line === "write exe"), []);
  },
);

Deno.test("a working directory among who enters' descriptors leads nowhere (CVE-2024-21626)", async () => {
  await using box = await sandbox().tmpfs("/work").start(["sleep", "60"]);
  await box.execOutput([
    "sh",
    "-c",
    "for n in $(seq 0 40); do ln -s /proc/self/fd/$n /work/$n; done",
  ]);
  for (let fd = 0; fd <= 40; fd++) {
    for (const cwd of [`/proc/self/fd/${fd}`, `/work/${fd}`, `/proc/thread-self/fd/${fd}`]) {
      const error = await assertRejects(() => box.execOutput(["pwd"], { cwd }), StepError);
      assertEquals(error.step, "cwd");
    }
  }
});

Deno.test("a terminal is one of a devpts, whatever lies at its place", async () => {
  await using box = await sandbox().tmpfs("/dev/pts").start(["sleep", "60"]);
  await box.execOutput(["sh", "-c", "cat /etc/passwd > /dev/pts/ptmx"]);
  await assertRejects(() => box.exec(["id"], { tty: true }), StepError, "no devpts");
  await using linked = await sandbox().tmpfs("/dev").start(["sleep", "60"]);
  await linked.execOutput(["ln", "-s", "/proc/self/fd", "/dev/pts"]);
  await assertRejects(() => linked.exec(["id"], { tty: true }), StepError, "ELOOP");
});

Deno.test("what inside's programs and files say of a command is not asked", async () => {
  // Accounts, search paths and shells of the inside are no policy; ids and PATH come from outside.
  await using box = await sandbox().file("/etc/passwd", "root:x:0:0::/:/evil\n").start([
    "sleep",
    "60",
  ]);
  const { stdout } = await box.execOutput(["sh", "-c", "grep -E 'Uid|CapEff' /proc/self/status"]);
  assert(/CapEff:\t0+\n/.test(text(stdout)), text(stdout));
});

Deno.test("no descriptor of who enters comes to the command", async () => {
  await using box = await sandbox().start(["sleep", "60"]);
  const { stdout } = await box.execOutput([
    "sh",
    "-c",
    // What the shell itself looks with is closed again.
    "for fd in /proc/$$/fd/*; do readlink $fd; done",
  ]);
  assertEquals(text(stdout).trim().split("\n").length, 3, text(stdout));
});
