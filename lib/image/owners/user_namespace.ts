/**
 * Works on files of several owners for an ordinary user: in a Deno of its own, which is root of a user
 * namespace that has the ids `/etc/subuid` and `/etc/subgid` give the caller. The files it makes are
 * those of the sandboxes that the same ids are mapped for. user_namespaces(7).
 *
 * JavaScript cannot run in a process that was cloned from Deno, so it is a program that waits until
 * its ids are there and becomes Deno then.
 *
 * @module
 */

import { SandboxError, UnsupportedError } from "../../errors.ts";
import { mapByHelper } from "../../ids/map_programs.ts";
import { accountName, subordinate } from "../../ids/subordinate.ts";
import type { IdRange } from "../../spec.ts";
import { CLONE_NEWUSER } from "../../sys/abi/clone.ts";
import { PR_SET_PDEATHSIG } from "../../sys/abi/prctl.ts";
import { SIGNALS } from "../../sys/abi/signal.ts";
import { spawnRaw } from "../../sys/clone.ts";
import { close, pipe, writeAll } from "../../sys/file.ts";
import { pidfdSendSignal, waitPidfd } from "../../sys/pidfd.ts";
import { findProgram } from "../decompressor_program.ts";
import type { WorkReply, WorkRequest } from "./protocol.ts";

/** The ids of such a namespace; undefined where the caller has only its own. */
export function ownIdMaps(): { uids: IdRange[]; gids: IdRange[] } | undefined {
  const uid = Deno.uid()!;
  const name = accountName(uid);
  const side = (file: string, own: number): IdRange[] => {
    let inside = 1;
    return [
      { inside: 0, outside: own, count: 1 },
      ...subordinate(file, uid, name).map((range) => {
        const next = { ...range, inside };
        inside += range.count ?? 1;
        return next;
      }),
    ];
  };
  const maps = { uids: side("/etc/subuid", uid), gids: side("/etc/subgid", Deno.gid()!) };
  const enough = maps.uids.length > 1 && maps.gids.length > 1 &&
    findProgram("newuidmap") !== undefined && findProgram("newgidmap") !== undefined;
  return enough ? maps : undefined;
}

/**
 * Runs a request in the namespace. `stdin` becomes its standard input, `stdout` its standard error's
 * neighbour: descriptor 1 carries the replies.
 */
export async function inUserNamespace(
  request: WorkRequest,
  options: {
    stdin?: number;
    onProgress?: (done: number, total: number | undefined) => void;
    signal?: AbortSignal;
  } = {},
): Promise<unknown> {
  const maps = ownIdMaps();
  if (maps === undefined) {
    throw new UnsupportedError(
      "files of several owners for an ordinary user",
      "it needs lines for this user in /etc/subuid and /etc/subgid, and the package uidmap",
    );
  }
  const [gate, gateOurs] = pipe();
  const [replies, repliesTheirs] = pipe();
  // The shell waits on descriptor 2 for its ids, and gives Deno ours in its place.
  const stdin = options.stdin;
  const child = (() => {
    try {
      return spawnRaw({
        flags: CLONE_NEWUSER,
        path: "/bin/sh",
        argv: [
          "sh",
          "-c",
          'read -r _ <&2 || exit 1; exec "$@" 2>/dev/null',
          "sh",
          Deno.execPath(),
          "run",
          "-A",
          "--quiet",
          ...configuration(),
          // This file, for in a bundle there is no other place to be sure of.
          import.meta.url,
          JSON.stringify({ ...request, hasInput: stdin !== undefined }),
        ],
        env: { ...Deno.env.toObject(), DENO_NO_UPDATE_CHECK: "1" },
        stdio: [stdin ?? gate, repliesTheirs, gate],
        steps: [{ name: "prctl", args: [PR_SET_PDEATHSIG, SIGNALS.SIGKILL] }],
      });
    } catch (error) {
      for (const fd of [gateOurs, replies]) close(fd);
      throw error;
    } finally {
      for (const fd of [gate, repliesTheirs]) close(fd);
    }
  })();
  using cleanup = new DisposableStack();
  cleanup.defer(() => close(child.pidfd));
  const kill = () => pidfdSendSignal(child.pidfd, "SIGKILL");
  options.signal?.addEventListener("abort", kill);
  cleanup.defer(() => options.signal?.removeEventListener("abort", kill));
  let replied: Promise<unknown>;
  try {
    await mapByHelper(child.pid, maps);
    replied = readReplies(replies, options.onProgress);
    writeAll(gateOurs, new TextEncoder().encode("\n"));
  } catch (error) {
    close(replies);
    throw error;
  } finally {
    close(gateOurs);
  }
  try {
    return await replied;
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    waitPidfd(child.pidfd);
  }
}

/** A checkout's own configuration; a package from a registry has none to be found. */
function configuration(): string[] {
  const config = new URL("../../../deno.json", import.meta.url);
  return config.protocol === "file:" ? [`--config=${config.pathname}`] : ["--no-config"];
}

/** Reads lines until the worker ends, without blocking this program. */
async function readReplies(
  fd: number,
  onProgress: ((done: number, total: number | undefined) => void) | undefined,
): Promise<unknown> {
  using file = await Deno.open(`/proc/self/fd/${fd}`);
  close(fd);
  let rest = "";
  let reply: WorkReply | undefined;
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65536);
  for (;;) {
    const count = await file.read(buffer);
    if (count === null) break;
    const lines = (rest + decoder.decode(buffer.subarray(0, count), { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const next = JSON.parse(line) as WorkReply;
      if ("progress" in next) onProgress?.(...next.progress);
      else reply = next;
    }
  }
  if (reply === undefined) {
    throw new SandboxError("The program that works for other owners ended without a word");
  }
  if ("error" in reply) throw await rebuilt(reply.error);
  return (reply as { result: unknown }).result;
}

async function rebuilt(
  { name, message, subject = "" }: { name: string; message: string; subject?: string },
): Promise<Error> {
  const errors = await import("../../errors.ts");
  const rest = message.replace(/^(entry|image) "[^"]*": /, "");
  if (name === "ArchiveError") return new errors.ArchiveError(subject, rest);
  if (name === "ImageError") return new errors.ImageError(subject, rest);
  return new SandboxError(message);
}

if (import.meta.main) import("./worker.ts").then(({ serve }) => serve());
