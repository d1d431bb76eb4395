/**
 * The schema of a pod's file.
 *
 * @module
 */

import { NETWORK } from "./network.ts";
import { either, list, record, text, word } from "./node.ts";
import { FIELDS, FILE } from "./spec.ts";

const { extends: _, ...MEMBER_FIELDS } = FILE.keys;

/** A member: a sandbox, and what becomes of it when it has ended. */
const MEMBER = record(
  "A member. What is not given is as the safe defaults have it.",
  {
    ...MEMBER_FIELDS,
    restart: word("When its command is started again.", ["no", "on-failure", "always"], {
      default: "`no`",
    }),
  },
  ["command"],
  {
    meant: { ...FILE.meant, extends: "it is for a file of one sandbox" },
    example: "command: [id]",
  },
);

/** A pod in a file. */
export const POD = record(
  "Sandboxes that share namespaces.",
  {
    share: list(
      "What the members share.",
      word("A kind of namespace.", ["ipc", "net", "pid", "uts"]),
      { least: 1, default: "`[net, ipc, uts]`" },
    ),
    hostname: text("Their host name.", { empty: false, default: "`paddock`" }),
    network: { ...NETWORK, otherwise: "none" },
    limits: { ...FIELDS.limits, about: "What all members may use together." },
    idMap: either("Which ids exist inside, where they share a user namespace.", [FIELDS.idMap]),
    members: { is: "dictionary", about: "The members by their names.", of: MEMBER } as const,
  },
  ["members"],
  { example: "members: { web: { command: [my-server] } }" },
);
