/**
 * All commands: one table, from which come `paddock --help`, what is proposed for a misspelt name,
 * and the completions of the shells.
 *
 * @module
 */

import type { CommandEntry } from "./command.ts";

const RUN = "Run";
const LOOK = "Look";
const KEEP = "Keep";

/** The commands, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "run",
    summary: "run a command in a new sandbox",
    group: RUN,
    load: async () => (await import("./run.ts")).run,
    usage: async () => (await import("./run_usage.ts")).RUN_USAGE,
  },
  {
    name: "pod",
    summary: "run sandboxes that share a network, a name and IPC",
    group: RUN,
    load: async () => (await import("./pod.ts")).podCommand,
    usage: async () => (await import("./pod.ts")).USAGE,
  },
  {
    name: "exec",
    summary: "run a further command in a detached sandbox",
    group: RUN,
    load: async () => (await import("./lifecycle/exec.ts")).exec,
    usage: async () => (await import("./lifecycle/exec.ts")).USAGE,
  },
  {
    name: "image",
    summary: "import, list, export and remove images",
    group: KEEP,
    load: async () => (await import("./image.ts")).image,
    subcommands: async () => (await import("./image.ts")).IMAGE_COMMANDS,
  },
  {
    name: "ps",
    summary: "list the detached sandboxes",
    group: LOOK,
    load: async () => (await import("./lifecycle/ps.ts")).ps,
    usage: async () => (await import("./lifecycle/ps.ts")).USAGE,
  },
  {
    name: "logs",
    summary: "print what a detached sandbox has written",
    group: LOOK,
    load: async () => (await import("./lifecycle/logs.ts")).logs,
    usage: async () => (await import("./lifecycle/logs.ts")).USAGE,
  },
  {
    name: "wait",
    summary: "wait for the end of a detached sandbox",
    group: RUN,
    load: async () => (await import("./lifecycle/wait.ts")).wait,
    usage: async () => (await import("./lifecycle/wait.ts")).USAGE,
  },
  {
    name: "stop",
    summary: "ask a detached sandbox to end, then kill it",
    group: RUN,
    load: async () => (await import("./lifecycle/stop.ts")).stop,
    usage: async () => (await import("./lifecycle/stop.ts")).USAGE,
  },
  {
    name: "kill",
    summary: "send a signal to a detached sandbox",
    group: RUN,
    load: async () => (await import("./lifecycle/kill.ts")).kill,
    usage: async () => (await import("./lifecycle/kill.ts")).USAGE,
  },
  {
    name: "inspect",
    summary: "tell what a detached sandbox is made of",
    group: LOOK,
    load: async () => (await import("./lifecycle/inspect.ts")).inspect,
    usage: async () => (await import("./lifecycle/inspect.ts")).USAGE,
  },
  {
    name: "stats",
    summary: "show what detached sandboxes use",
    group: LOOK,
    load: async () => (await import("./lifecycle/stats.ts")).stats,
    usage: async () => (await import("./lifecycle/stats.ts")).USAGE,
  },
  {
    name: "cp",
    summary: "copy into a detached sandbox, or out of it",
    group: KEEP,
    load: async () => (await import("./lifecycle/cp.ts")).cp,
    usage: async () => (await import("./lifecycle/cp.ts")).USAGE,
  },
  {
    name: "pause",
    summary: "let a detached sandbox stand still",
    group: RUN,
    load: async () => (await import("./lifecycle/pause.ts")).pause,
    usage: async () => (await import("./lifecycle/pause.ts")).PAUSE_USAGE,
  },
  {
    name: "resume",
    summary: "let it go on",
    group: RUN,
    load: async () => (await import("./lifecycle/pause.ts")).resume,
    usage: async () => (await import("./lifecycle/pause.ts")).RESUME_USAGE,
  },
  {
    name: "update",
    summary: "change the limits of a detached sandbox",
    group: RUN,
    load: async () => (await import("./lifecycle/update.ts")).update,
    usage: async () => (await import("./lifecycle/update.ts")).USAGE,
  },
  {
    name: "rm",
    summary: "forget detached sandboxes that have ended",
    group: KEEP,
    load: async () => (await import("./lifecycle/rm.ts")).rm,
    usage: async () => (await import("./lifecycle/rm.ts")).USAGE,
  },
  {
    name: "prune",
    summary: "remove all that is left of detached sandboxes",
    group: KEEP,
    load: async () => (await import("./lifecycle/prune.ts")).prune,
    usage: async () => (await import("./lifecycle/prune.ts")).USAGE,
  },
  {
    name: "ns",
    summary: "show the machine's namespaces, pin and unpin them",
    group: LOOK,
    load: async () => (await import("./ns.ts")).ns,
    usage: async () => (await import("./ns/list.ts")).USAGE,
    subcommands: async () => (await import("./ns.ts")).NS_COMMANDS,
  },
  {
    name: "seccomp",
    summary: "show, compile and test a filter of system calls",
    group: LOOK,
    load: async () => (await import("./seccomp.ts")).seccomp,
    usage: async () => (await import("./seccomp.ts")).SECCOMP_USAGE,
  },
  {
    name: "init",
    summary: "begin a description or a plugin of your own",
    group: KEEP,
    load: async () => (await import("./init.ts")).init,
    subcommands: async () => (await import("./init.ts")).INIT_COMMANDS,
  },
  {
    name: "doctor",
    summary: "say what works on this machine, and what to do where it does not",
    group: LOOK,
    load: async () => (await import("./doctor.ts")).doctor,
    usage: async () => (await import("./doctor.ts")).DOCTOR_USAGE,
  },
  {
    name: "convert",
    summary: "write a description in TypeScript, YAML, for bubblewrap or OCI",
    group: LOOK,
    load: async () => (await import("./convert.ts")).convert,
    usage: async () => (await import("./convert.ts")).CONVERT_USAGE,
  },
  {
    name: "schema",
    summary: "print the JSON Schema of descriptions in YAML",
    group: LOOK,
    load: async () => (await import("./schema.ts")).schema,
    usage: async () => (await import("./schema.ts")).SCHEMA_USAGE,
  },
  {
    name: "completions",
    summary: "print what makes a shell complete paddock's command lines",
    group: LOOK,
    load: async () => (await import("./completions.ts")).completionsOf(COMMANDS),
    usage: async () => (await import("./completions.ts")).COMPLETIONS_USAGE,
  },
];
