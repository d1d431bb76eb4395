/**
 * A way out of a sandbox that has no network, under a policy: what the plugin
 * `@paddock/paddock/hooks/egress` is made of, for plugins with rules of their own.
 *
 * ```ts
 * import { defineHook, sandbox } from "@paddock/paddock";
 * import { EgressPolicy, EgressSession } from "@paddock/paddock/net/egress";
 *
 * const policy = new EgressPolicy({ allowDomains: ["example.com"] });
 * const plugin = defineHook({
 *   name: "way out",
 *   async networkSetup(ctx) {
 *     const session = await EgressSession.open(ctx.inside, { policy });
 *     ctx.defer(() => session.close());
 *   },
 * });
 * await sandbox().use(plugin).output(["true"]);
 * ```
 *
 * @module
 */

export { SpecError } from "../../errors.ts";
export { parseRate } from "../rate.ts";
export { NAME_SERVER, PROXY } from "./inside_sockets.ts";
export type { ProgramRunner } from "./inside_sockets.ts";
export type { Address } from "./address.ts";
export type { Host } from "./host_name.ts";
export { type Asked, EgressPolicy, type EgressPolicyOptions } from "./policy.ts";
export type { DomainRule, EgressSettings } from "../../spec/egress.ts";
export type {
  EgressAnswer,
  EgressDecision,
  EgressProtocol,
  EgressQuestion,
  EgressReport,
  EgressRequest,
  EgressVerdict,
} from "./request.ts";
export type { EgressLists } from "./lists.ts";
export type { Lookup } from "./resolver.ts";
export { EgressSession, type EgressSessionOptions } from "./session.ts";
