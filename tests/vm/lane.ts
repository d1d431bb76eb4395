/**
 * The facts that differ between the architectures of the virtual machines.
 *
 * @module
 */

/** An architecture on which the tests can be run in a virtual machine. */
export interface Lane {
  /** The kernel's word for it. */
  readonly arch: "x86_64" | "aarch64";
  /** Debian's word for it. */
  readonly debian: string;
  /** The Debian package whose dependency is the newest kernel. */
  readonly kernel: string;
  /** The npm package with Deno for it. */
  readonly deno: string;
  /** The emulator, and the machine that it is to be. */
  readonly emulator: readonly string[];
  /** The Debian package with the emulator. */
  readonly emulatorPackage: string;
  /** The device that the kernel's messages go to. */
  readonly console: string;
  /** How much slower it is than the machine that emulates it, for the tests' times and rounds. */
  readonly pace: number;
  /** Words for the kernel's command line that this architecture needs. */
  readonly commandLine: readonly string[];
}

/** The architectures, by the kernel's word. */
export const LANES: Readonly<Record<Lane["arch"], Lane>> = {
  x86_64: {
    arch: "x86_64",
    debian: "amd64",
    kernel: "linux-image-cloud-amd64",
    deno: "@deno/linux-x64-glibc",
    emulator: ["qemu-system-x86_64", "-machine", "q35", "-cpu", "max"],
    emulatorPackage: "qemu-system-x86",
    console: "ttyS0",
    // Emulated page walks of five levels are slower, and nobody needs them here.
    commandLine: ["no5lvl"],
    pace: 2,
  },
  aarch64: {
    arch: "aarch64",
    debian: "arm64",
    kernel: "linux-image-cloud-arm64",
    deno: "@deno/linux-arm64-glibc",
    // Emulated pointer authentication would take most of the time.
    emulator: ["qemu-system-aarch64", "-machine", "virt", "-cpu", "max,pauth=off"],
    emulatorPackage: "qemu-system-arm",
    console: "ttyAMA0",
    commandLine: [],
    pace: 10,
  },
};

/** The Debian release whose kernel and programs the machines have. */
export const RELEASE = "bookworm";

/** What the tests and the programs inside sandboxes need of Debian, beside a kernel. */
export const PROGRAMS: readonly string[] = [
  // Its usr-is-merged needs nothing; the alternative would bring all of Perl along.
  "usr-is-merged",
  "base-files",
  "base-passwd",
  "bash",
  "coreutils",
  "dash",
  "debianutils",
  "diffutils",
  "findutils",
  "grep",
  "hostname",
  "iproute2",
  "kmod",
  "libc-bin",
  "libgcc-s1",
  "libpam-modules",
  "mawk",
  "mount",
  "ncurses-base",
  "nftables",
  "passt",
  "perl-base",
  "procps",
  "sed",
  "strace",
  // A user's manager that gives scopes; the machine itself is not started by it.
  "systemd",
  "tar",
  "tmux",
  "uidmap",
  "util-linux",
];

/** The kernel's modules that tests need; those that they depend on come along. */
export const MODULES: readonly string[] = [
  // Known to the machine before anything else, for its disk.
  "virtio_pci",
  "virtio_blk",
  // Filesystems and devices.
  "overlay",
  "fuse",
  "loop",
  "bfq",
  // Networks.
  "veth",
  "bridge",
  "br_netfilter",
  "tun",
  "dummy",
  "macvlan",
  "ipvlan",
  "wireguard",
  "nf_tables",
  "nfnetlink",
  "nft_chain_nat",
  "nft_ct",
  "nft_fib_inet",
  "nft_log",
  "nft_masq",
  "nft_nat",
  "nft_redir",
  "nft_reject_inet",
  "nft_limit",
  "nft_socket",
  "nft_tproxy",
  "sch_htb",
  "sch_ingress",
  "sch_netem",
  "sch_tbf",
  // What attacks try to reach.
  "vsock",
  "vsock_loopback",
  "af_alg",
  "algif_hash",
  "algif_skcipher",
];
