/**
 * The part of a keeper that moves what the command writes into log files: capped, rotated, and lost
 * and counted where the disk is full, for the command must not stand still for that. splice(2).
 *
 * @module
 */

import type { Operation, Place } from "../../agent/operation.ts";
import { ERRNO } from "../../sys/abi/errno.ts";
import { O_CLOEXEC, O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } from "../../sys/abi/fcntl.ts";
import { POLLIN } from "../../sys/abi/poll.ts";
import { entry, type KeeperShape, NOBODY, PAGE, unless } from "./keeper_shape.ts";
import { ENDING, KEEPER_FD, logName } from "./layout.ts";

const SPLICE_F_MOVE = 1, SPLICE_F_NONBLOCK = 2;

/** Opens the newest log file of a stream, empty. */
export function openLog(stream: "stdout" | "stderr", label?: string): Operation[] {
  const flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
  return [
    {
      call: "openat",
      args: [KEEPER_FD.directory, logName(stream, 0), flags, 0o600],
      store: `${stream} file`,
      onError: "ignore",
      label,
    },
  ];
}

/** The older ones move on by one, and the oldest goes. */
function rotate(stream: "stdout" | "stderr", files: number): Operation[] {
  return Array.from({ length: files - 1 }, (_, index): Operation => ({
    call: "renameat",
    args: [
      KEEPER_FD.directory,
      logName(stream, files - 2 - index),
      KEEPER_FD.directory,
      logName(stream, files - 1 - index),
    ],
    onError: "ignore",
  }));
}

/** Moves what a stream has into its log; never more than there is room in the file. */
function move(stream: "stdout" | "stderr", { logs }: KeeperShape): Operation[] {
  const pipe = KEEPER_FD[stream], file = `${stream} file`, left = `${stream} left`;
  const lost: Place = {
    name: "tail",
    offset: ENDING[stream === "stdout" ? "lostStdout" : "lostStderr"] - ENDING.timedOut,
  };
  const done = `${stream} done`, end = `${stream} end`, lose = `${stream} lose`;
  return [
    unless(stream, done),
    {
      call: "splice",
      args: [pipe, 0, { load: file }, 0, { load: left }, SPLICE_F_MOVE | SPLICE_F_NONBLOCK],
      store: "moved",
      onError: "ignore",
      when: { equals: 0 },
      goto: end,
    },
    {
      call: "SET",
      args: [{ load: "moved" }],
      onError: "ignore",
      when: { equals: -ERRNO.EAGAIN },
      goto: done,
    },
    { call: "SET", args: [{ load: "moved" }], onError: { goto: lose } },
    { call: "SET", args: [1], store: "progress" },
    {
      call: "SUBTRACT",
      args: [{ load: left }, { load: "moved" }],
      store: left,
      when: { differs: 0 },
      goto: done,
    },
    // The file is full.
    { call: "close", args: [{ load32: file }], onError: "ignore" },
    ...rotate(stream, logs.files),
    ...openLog(stream, `${stream} open`),
    { call: "SET", args: [logs.size], store: left, goto: done },
    // It cannot be written: the disk is full. The command must not stand still for that.
    {
      call: "read",
      args: [pipe, { at: "page" }, PAGE],
      store: "moved",
      onError: { goto: done },
      label: lose,
    },
    { call: "SET", args: [{ load: "moved" }], when: { equals: 0 }, goto: end },
    { call: "SET", args: [1], store: "progress" },
    { call: "ADD", args: [{ load: lost }, { load: "moved" }], store: lost },
    // Or it could not even be made; it may be now.
    { call: "SET", args: [{ load: file }], onError: { goto: `${stream} open` } },
    { call: "SET", args: [0], goto: done },
    { call: "close", args: [pipe], label: end },
    { call: "SET", args: [NOBODY], store: entry(stream) },
    { call: "SET", args: [0], label: done },
  ];
}

/** Both streams; at the end, until nothing is left of them. */
export function moveAll(shape: KeeperShape): Operation[] {
  const ask = (stream: "stdout" | "stderr"): Operation => ({
    call: "SET",
    args: [POLLIN * 0x1_0001],
    store: entry(stream, 4),
    store32: true,
  });
  return [
    { call: "SET", args: [0], store: "progress", label: "move" },
    { call: "SET", args: [{ load: "finishing" }], when: { equals: 0 }, goto: "as polled" },
    // A pipe that is still open somewhere, and empty, answers EAGAIN.
    ask("stdout"),
    ask("stderr"),
    { call: "SET", args: [0], label: "as polled" },
    ...move("stdout", shape),
    ...move("stderr", shape),
    { call: "SET", args: [{ load: "finishing" }], when: { equals: 0 }, goto: "next" },
    { call: "SET", args: [{ load: "progress" }], when: { differs: 0 }, goto: "move" },
  ];
}
