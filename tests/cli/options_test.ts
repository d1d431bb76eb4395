import { assertEquals, assertThrows } from "@std/assert";
import { nearest } from "../../lib/nearest.ts";
import { applyOptions, parseOptions } from "../../lib/cli/options.ts";
import { checkNamespaceChoices } from "../../lib/cli/namespace_choices.ts";
import { RUN_OPTIONS } from "../../lib/cli/run_options.ts";
import type { RunRequest } from "../../lib/cli/run_request.ts";
import { SpecError } from "../../lib/errors.ts";
import { sandbox } from "../../lib/sandbox.ts";
import type { SandboxSpec } from "../../lib/spec.ts";

/** What the options make of the default sandbox. */
function request(...args: string[]): RunRequest {
  const run: RunRequest = {
    box: sandbox(),
    hooks: [],
    explain: false,
    json: false,
    debug: false,
    help: false,
  };
  applyOptions(parseOptions(args, RUN_OPTIONS, "run").given, run);
  return run;
}

function spec(...args: string[]): SandboxSpec {
  return request(...args).box.spec;
}

/** The mounts that the options add. */
function mounts(...args: string[]): unknown[] {
  return spec(...args).mounts.slice(sandbox().spec.mounts.length);
}

Deno.test("the command starts at the first word that is no option", () => {
  const rest = (...args: string[]) => parseOptions(args, RUN_OPTIONS, "run").rest;
  assertEquals(rest("-t", "ls", "-l", "--bind"), ["ls", "-l", "--bind"]);
  assertEquals(rest("-t", "--", "-x", "--"), ["-x", "--"]);
  assertEquals(rest("--hostname", "fern", "-"), ["-"]);
  assertEquals(rest(), []);
});

Deno.test("a value may be attached or the next word", () => {
  for (
    const args of [
      ["--cwd", "/x"],
      ["--cwd=/x"],
      ["-w", "/x"],
      ["-w/x"],
      ["-w=/x"],
      ["-tw", "/x"],
      ["-tw/x"],
    ]
  ) {
    assertEquals(spec(...args).cwd, "/x", args.join(" "));
  }
  assertEquals(spec("-tw", "/x").tty, true);
  assertEquals(spec("-e=A=b=c").env.set.A, "b=c");
  assertEquals(spec("--env=A=").env.set.A, "");
});

Deno.test("Landlock's rules add up", () => {
  assertEquals(spec("--landlock").landlock, { paths: "from-mounts" });
  assertEquals(
    spec(
      ...["--landlock-path", "/usr:execute", "--landlock-path", "/w:write,make_char"],
      ...["--landlock-tcp", "connect:443", "--landlock-tcp", "connect:80"],
      ...["--landlock-tcp", "bind:none", "--landlock-scope", "signal", "--landlock-optional"],
    ).landlock,
    {
      paths: [{ path: "/usr", allow: ["execute"] }, { path: "/w", allow: ["write", "make_char"] }],
      tcp: { connect: [443, 80], bind: [] },
      scopes: ["signal"],
      optional: true,
    },
  );
  for (
    const [args, text] of [
      [["--landlock-path", "/usr:exec"], "none of read"],
      [["--landlock-path", "usr:read"], "absolute"],
      [["--landlock-path", "/usr"], "PATH:read"],
      [["--landlock", "--landlock-path", "/usr:read"], "one or the other"],
      [["--landlock-tcp", "listen:80"], "bind:PORT"],
      [["--landlock-tcp", "bind:"], "bind:PORT"],
      [["--landlock-scope", "signals"], "did you mean signal?"],
      [["--landlock-optional"], "restricts nothing"],
    ] as [string[], string][]
  ) assertThrows(() => spec(...args), SpecError, text);
});

Deno.test("mounts keep the caller's order", () => {
  assertEquals(
    mounts(
      ...["--tmpfs", "/a:size=1M,mode=0700", "-b", "/srv:/b:rw", "--dir=/c", "--symlink", "x:/d"],
      ...["--bind-try", "/e:rw,dev", "--write", "/f=a=b", "--tmpfs", "/a", "--proc", "/g"],
      ...["--dev", "/h", "--dir", "/i:mode=0700"],
      ...["--overlay", "/j:lower=/k,lower=/l\\,m,upper=ephemeral,size=1M"],
      ...["--overlay", "/n:lower=/k\\:o,upper=/p,work=/q"],
    ),
    [
      { kind: "tmpfs", target: "/a", size: "1M", mode: "0700" },
      { kind: "bind", source: "/srv", target: "/b", writable: true },
      { kind: "dir", target: "/c" },
      { kind: "symlink", source: "x", target: "/d" },
      {
        kind: "bind",
        source: "/e",
        target: "/e",
        writable: true,
        devices: true,
        optional: true,
      },
      { kind: "file", target: "/f", contents: "a=b" },
      { kind: "tmpfs", target: "/a" },
      { kind: "proc", target: "/g" },
      { kind: "dev", target: "/h" },
      { kind: "dir", target: "/i", mode: "0700" },
      {
        kind: "overlay",
        target: "/j",
        lower: ["/k", "/l,m"],
        upper: "ephemeral",
        size: "1M",
      },
      { kind: "overlay", target: "/n", lower: ["/k:o"], upper: "/p", work: "/q" },
    ],
  );
});

Deno.test("every kind of mount has an option", () => {
  assertEquals(
    mounts(
      ...["-b", "/a:/b:rw,suid,noexec,nosymfollow,norecursive,slave", "--mask", "/c"],
      ...["--readonly", "/d", "--proc", "/e:hidepid=invisible,subset=pid", "--devpts", "/f"],
      ...["--mqueue", "/g", "--sysfs", "/h", "--cgroupfs", "/i", "--cgroupfs", "/j:rw"],
      ...["--tmpfs", "/k:uid=1,gid=2,inodes=3,noexec=1", "--dir", "/l:uid=4,mode=0700"],
      ...["--mount", "type=ext4,source=/dev/vdb,target=/m,rw,noload,data=writeback,a=b\\,c"],
    ),
    [
      {
        kind: "bind",
        source: "/a",
        target: "/b",
        writable: true,
        nosuid: false,
        noexec: true,
        nosymfollow: true,
        recursive: false,
        propagation: "slave",
      },
      { kind: "mask", target: "/c" },
      { kind: "readonly", target: "/d" },
      { kind: "proc", target: "/e", hidepid: "invisible", subset: "pid" },
      { kind: "devpts", target: "/f" },
      { kind: "mqueue", target: "/g" },
      { kind: "sysfs", target: "/h" },
      { kind: "cgroupfs", target: "/i" },
      { kind: "cgroupfs", target: "/j", writable: true },
      { kind: "tmpfs", target: "/k", uid: 1, gid: 2, inodes: 3, noexec: true },
      { kind: "dir", target: "/l", uid: 4, mode: "0700" },
      {
        kind: "filesystem",
        type: "ext4",
        source: "/dev/vdb",
        target: "/m",
        writable: true,
        options: { noload: true, data: "writeback", a: "b,c" },
      },
    ],
  );
});

Deno.test("a bind without a target is shown at the same place", () => {
  const here = Deno.cwd();
  assertEquals(mounts("-b", "./a/../b"), [
    { kind: "bind", source: "./a/../b", target: `${here}/b` },
  ]);
  assertEquals(mounts("-b", "/a\\:b:/c\\:d:ro"), [
    { kind: "bind", source: "/a:b", target: "/c:d" },
  ]);
});

Deno.test("every other option does what it says", () => {
  assertEquals(spec("--root", "empty").root, "empty");
  assertEquals(spec("--root=/srv").root, { path: "/srv" });
  assertEquals(spec("-u", "7").user, { uid: 7, gid: 7, groups: [] });
  assertEquals(spec("-u", "7:8").user, { uid: 7, gid: 8, groups: [] });
  assertEquals(spec("--id-map", "auto").idMap, "auto");
  assertEquals(spec("--id-map", "0:1000", "--id-map", "gid:1:100000:65536").idMap, {
    uids: [{ inside: 0, outside: 1000, count: 1 }],
    gids: [
      { inside: 0, outside: 1000, count: 1 },
      { inside: 1, outside: 100000, count: 65536 },
    ],
  });
  assertEquals(spec("--hostname", "fern").hostname, "fern");
  assertEquals(spec("--domainname", "wood").domainname, "wood");
  assertEquals(spec("--unshare", "time,uts").namespaces.time, "new");
  assertEquals(spec("--share", "net,ipc").namespaces.net, "shared");
  assertEquals(spec("--join", "net=/run/netns/a").namespaces.net, { join: "/run/netns/a" });
  assertEquals(spec("--join", "uts=pid:7").namespaces.uts, { join: { pid: 7 } });
  assertEquals(spec("--join", "ipc=fd:9").namespaces.ipc, { join: { fd: 9 } });
  assertEquals(spec("--network", "host").network, { mode: "host" });
  assertEquals(spec("--network", "bridge:blue,isolated=true,up=10mbit").network, {
    mode: "bridge",
    bridge: "blue",
    isolated: true,
    bandwidth: { up: "10mbit" },
  });
  assertEquals(
    spec("--network", "macvlan:eth0,address=192.0.2.7/24,address=fd00::7/64,gateway=192.0.2.1")
      .network,
    {
      mode: "macvlan",
      parent: "eth0",
      addresses: ["192.0.2.7/24", "fd00::7/64"],
      gateways: ["192.0.2.1"],
    },
  );
  assertEquals(spec("--network", "join:pid:7").network, { mode: "join", target: { pid: 7 } });
  assertEquals(spec("-p", "8080:80", "--publish=[::1]:53:53/udp").network, {
    mode: "none",
    publish: ["8080:80", "[::1]:53:53/udp"],
  });
  assertEquals(spec("--cap", "net_raw", "--cap", "CAP_CHOWN,Kill").capabilities, {
    keep: ["CAP_NET_RAW", "CAP_CHOWN", "CAP_KILL"],
  });
  assertEquals(spec("--cap", "all").capabilities!.keep.length, 41);
  assertEquals(spec("--timeout", "3s").timeout, "3s");
  assertEquals(spec("--rlimit", "nofile=16").rlimits.nofile, 16);
  assertEquals(spec("--rlimit", "core=0:unlimited").rlimits.core, { soft: 0, hard: "unlimited" });
  assertEquals(spec("--rlimit", "fsize=1K").rlimits.fsize, 1024);
  assertEquals(spec("--memory", "64M", "--swap=0", "--pids", "20", "--cpus", "0.5").limits, {
    memory: "64M",
    swap: "0",
    pids: 20,
    cpus: 0.5,
  });
  assertEquals(spec("--cpuset", "0-1", "--memory-nodes", "0", "--cpu-weight", "10").limits, {
    cpuset: "0-1",
    memoryNodes: "0",
    cpuWeight: 10,
  });
  assertEquals(
    spec("--io", "/dev/sda:rbps=1M,wiops=5", "--io=8:0:wbps=9", "--io-weight", "7").limits,
    {
      io: [{ device: "/dev/sda", rbps: "1M", wiops: 5 }, { device: "8:0", wbps: "9" }],
      ioWeight: 7,
    },
  );
  assertEquals(spec("--hugetlb", "2M=64M", "--hugetlb=1G=0").limits, {
    hugetlb: { "2M": "64M", "1G": "0" },
  });
  assertEquals(
    spec("--memory-high", "1G", "--oom-group", "--cgroup-parent", "/user").limits,
    { memoryHigh: "1G", oomGroup: true, parent: "/user" },
  );
  assertEquals(spec("--nice", "-5").nice, -5);
  assertEquals(spec("--oom-score-adj=500").oomScoreAdj, 500);
  assertEquals(spec("--scheduler", "batch").scheduler, { policy: "batch" });
  assertEquals(spec("--scheduler", "fifo:3").scheduler, { policy: "fifo", priority: 3 });
  assertEquals(spec("--cpu-affinity", "0-1").cpuAffinity, "0-1");
  assertEquals(spec("--io-priority", "idle").ioPriority, { class: "idle" });
  assertEquals(spec("--io-priority", "best-effort:7").ioPriority, {
    class: "best-effort",
    level: 7,
  });
  assertEquals(spec("--personality", "linux32,uname26").personality, ["linux32", "uname26"]);
  assertEquals(spec("--umask", "077").umask, "077");
  const offsets = ["--time-offset", "boottime=1d", "--time-offset=monotonic=-2s"];
  assertEquals(spec(...offsets).timeOffsets, { boottime: "1d", monotonic: "-2s" });
  assertEquals(spec(...offsets).namespaces.time, "new");
  assertEquals(spec("--no-new-session").newSession, false);
  assertEquals(spec("--no-new-session", "--new-session").newSession, true);
  assertEquals(spec("--as-pid-1").asPid1, true);
  assertEquals(spec("-e", "A=1", "--clear-env", "-e", "B=2").env, { set: { B: "2" }, inherit: [] });
  const { hooks, explain, json, debug } = request(
    ...["--hook", "a.ts", "--hook=b.ts", "--explain", "--json", "--debug"],
  );
  assertEquals({ hooks, explain, json, debug }, {
    hooks: ["a.ts", "b.ts"],
    explain: true,
    json: true,
    debug: true,
  });
});

Deno.test("a variable without a value is the caller's, and wins over the default", () => {
  const home = Deno.env.get("HOME");
  Deno.env.set("HOME", "/home/fern");
  try {
    assertEquals(spec("-e", "HOME").env.set.HOME, "/home/fern");
  } finally {
    if (home === undefined) Deno.env.delete("HOME");
    else Deno.env.set("HOME", home);
  }
});

const WRONG: [string[], string][] = [
  [["--bnd", "/x"], "--bnd: there is no such option; did you mean --bind?"],
  [["--host", "x"], "--host: there is no such option; did you mean --hostname?"],
  [["--hostnam=x"], "--hostnam: there is no such option; did you mean --hostname?"],
  [["--timout", "3s"], "--timout: there is no such option; did you mean --timeout?"],
  [["--no-new-sesion"], "--no-new-sesion: there is no such option; did you mean --no-new-session?"],
  [["--xyzzy"], "--xyzzy: there is no such option; see `paddock run --help`"],
  [["-tq"], "-q: there is no such option; see `paddock run --help`"],
  [["--bind"], "--bind: needs a value: SRC[:DST][:rw]"],
  [["-w"], "--cwd: needs a value: DIR"],
  [["--tty=yes"], '--tty: takes no value, but got "yes"'],
  [
    ["-b", "/a:b"],
    '--bind: "/a:b" has "b", which is neither an absolute path nor one of ro, rw, dev, suid, noexec, nosymfollow, norecursive, private, slave, shared, unbindable',
  ],
  [["-b", ":/b"], '--bind: ":/b" has no source; write SRC[:DST]'],
  [["--tmpfs", "x"], '--tmpfs: "x" must be an absolute path inside of the sandbox'],
  [
    ["--tmpfs", "/x:sise=1M"],
    '--tmpfs: "/x:sise=1M" has "sise"; known: size, mode, uid, gid, inodes, noexec',
  ],
  [["--tmpfs", "/x:size=much"], '--tmpfs: "much" is not a size; write bytes or e.g. "64M", "1.5G"'],
  [["--dir", "/x:mode=9"], '--dir: "9" is not a mode; write octal digits, e.g. "0755"'],
  [["--symlink", "x"], '--symlink: "x" should be TARGET:LINK'],
  [["--user", "bob"], '--user: "bob" should be UID[:GID], in numbers'],
  [["--id-map", "5"], '--id-map: "5" should be auto or [uid:|gid:]INSIDE:OUTSIDE[:COUNT]'],
  [["--join", "net"], '--join: "net" should be KIND=PATH, KIND=pid:N or KIND=fd:N'],
  [["--join", "net=pid:x"], '--join: "net=pid:x" should be KIND=pid:N, in numbers'],
  [
    ["--share", "nett"],
    '--share: "nett" is none of cgroup, ipc, mount, net, pid, time, user, uts; did you mean "net"?',
  ],
  [
    ["--network", "brigde"],
    '--network: "brigde" is none of none, host, bridge, pasta, macvlan, ipvlan, join, vxlan; did you mean "bridge"?',
  ],
  [["--network", "bridge:a,upp=1"], '--network: "bridge" has no "upp"; did you mean "up"?'],
  [["--network", "bridge:a,b"], '--network: "b" should be MODE[:NAME][,key=value..]'],
  [
    ["--network", "pasta:mtu=1"],
    '--network: "pasta" has no "mtu"; known: up, down, nameserver',
  ],
  [
    ["--scheduler", "bach"],
    '--scheduler: "bach" is none of other, batch, idle, fifo, rr; did you mean "batch"?',
  ],
  [["--pids", "0"], "--pids: 0 is not a whole number from 1 to 4194304; write e.g. 64"],
  [
    ["-v", "/a:/b"],
    "-v: there is no such option; write -b, --bind SRC[:DST][:rw]; without :rw it is read-only",
  ],
  [
    ["-it"],
    "-i: there is no such option; standard input is always connected; for a terminal write -t",
  ],
  [
    ["--rm"],
    "--rm: there is no such option; leave it out: nothing of a sandbox is left when it ends",
  ],
  [["--timeout", "30"], '--timeout: "30" has no unit of time (ms, s, m, h, d); write e.g. 30s'],
  [["--timeout", "5sec"], '--timeout: "5sec" is not a time; did you mean 5s?'],
  [["--timeout", "2 Minutes"], '--timeout: "2 Minutes" is not a time; did you mean 2m?'],
  [["--timeout", "soon"], '--timeout: "soon" is not a time; write e.g. 30s, 500ms or 5m'],
  [["--timeout", "0"], '--timeout: "0" is no time to run in; for no limit, leave it out'],
  [["--timeout", "0s"], '--timeout: "0s" is no time to run in; for no limit, leave it out'],
  [
    ["--memory", "lots"],
    '--memory: "lots" is not a size; write bytes or e.g. "64M", "1.5G"',
  ],
  [["--cpus", "half"], '--cpus: "half" is not a number, e.g. 0.5'],
  [["--pids", "1.5"], '--pids: "1.5" is not a whole number'],
  [["--io", "sda"], '--io: "sda" should be DEVICE:rbps=N,wbps=N,riops=N,wiops=N'],
  [["--io", "8:0:bps=1"], '--io: "8:0:bps=1" has "bps"; known: rbps, wbps, riops, wiops'],
  [["--rlimit", "nofiles=1"], '--rlimit: "nofiles" is no resource limit; did you mean "nofile"?'],
  [["--rlimit", "nofile"], '--rlimit: "nofile" should be NAME=VALUE[:HARD]'],
  [
    ["--time-offset", "realtime=1d"],
    '--time-offset: "realtime" is neither monotonic nor boottime',
  ],
  [["--hostname", ""], '--hostname: "" must have 1 to 64 characters'],
  [
    ["-e", "PADDOCK_NOT_SET"],
    '--env: "PADDOCK_NOT_SET" is not set here; give a value, e.g. PADDOCK_NOT_SET=..',
  ],
];

for (const [args, message] of WRONG) {
  Deno.test(`an error names the option: ${args.join(" ")}`, () => {
    const error = assertThrows(() => request(...args), SpecError) as SpecError;
    assertEquals(error.message, message);
  });
}

Deno.test("options that want different things of one namespace are an error, in either order", () => {
  const error = (...args: string[]) =>
    assertThrows(
      () => checkNamespaceChoices(parseOptions(args, RUN_OPTIONS, "run").given),
      SpecError,
    ).message;
  for (
    const [a, b] of [
      [["--share", "net"], ["--network", "pasta"]],
      [["--share=network"], ["--network=none"]],
      [["--share", "uts,net"], ["--unshare", "net"]],
      [["--unshare", "net"], ["--network", "host"]],
      [["--share", "net"], ["--allow-domain", "deno.land"]],
      [["--share", "mnt"], ["--join", "mount=/x"]],
    ] as const
  ) {
    assertEquals(error(...a, ...b), error(...b, ...a));
  }
  assertEquals(
    error("--share", "net", "--network", "bridge:blue"),
    "--network bridge: wants a net namespace that is one of the sandbox's own, and --share net one " +
      "that is the host's; give one of them",
  );
  for (
    const fine of [
      ["--share", "net", "--network", "host"],
      ["--network", "host", "--network", "none", "--unshare", "net"],
      ["--share", "pid,ipc", "--unshare", "net", "--allow-domain", "a.b"],
    ]
  ) checkNamespaceChoices(parseOptions(fine, RUN_OPTIONS, "run").given);
});

Deno.test("the nearest word is proposed only when it is near", () => {
  const words = ["bind", "hostname", "share", "unshare"];
  assertEquals(nearest("bidn", words), "bind");
  assertEquals(nearest("unhsare", words), "unshare");
  assertEquals(nearest("host", words), "hostname");
  assertEquals(nearest("memory", words), undefined);
  assertEquals(nearest("x", words), undefined);
});

Deno.test("no two options have the same name", () => {
  const names = RUN_OPTIONS.flatMap(({ name, short }) => short ? [name, short] : [name]);
  assertEquals(names.length, new Set(names).size);
});
