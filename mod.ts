/**
 * Paddock builds Linux sandboxes out of namespaces, mounts and limits, and lets you script every
 * step of the building in TypeScript.
 *
 * ```ts
 * import { sandbox } from "@paddock/paddock";
 *
 * const { code, stdout } = await sandbox().hostname("fern").output(["hostname"]);
 * console.log(code, new TextDecoder().decode(stdout)); // 0 fern
 * ```
 *
 * Importing it opens nothing and needs no permission; running a sandbox needs `deno run -A`.
 *
 * @module
 */

export { Sandbox, sandbox } from "./lib/sandbox.ts";
export { pool } from "./lib/pool.ts";
export type { Pool, PoolOptions, PoolRunOptions } from "./lib/run/pool.ts";
export { Pod, pod } from "./lib/pod.ts";
export type { PodOptions, PodShare } from "./lib/run/pod_options.ts";
export type { BindOptions, MountOptions, NamespaceName } from "./lib/sandbox.ts";
export { readOnlyHost, scratch, SECRETS, workspace } from "./lib/presets.ts";
export { agent, build, test } from "./lib/presets/development.ts";
export { browser, judge, service } from "./lib/presets/services.ts";
export type { AgentOptions, BuildOptions, TestOptions } from "./lib/presets/development.ts";
export type { BrowserOptions, JudgeOptions, ServiceOptions } from "./lib/presets/services.ts";
export type { HideOptions, Preset, ScratchOptions, WorkspacePresetOptions } from "./lib/presets.ts";
export { ArgumentPattern, call, Filter, filter, int, long } from "./lib/seccomp/builder.ts";
export type { Argument, Asked, CallPattern, FilteredCall } from "./lib/seccomp/builder.ts";
export type { SeccompOptions } from "./lib/sandbox.ts";
export type {
  CallMemory,
  DecidedCall,
  DecidedMemory,
  DecideHandler,
  Decisions,
  ObservedCall,
  ObserveHandler,
  SocketAddress,
  SupervisedCall,
  Verdict,
} from "./lib/run/supervised_call.ts";
export type { FilteredSyscall } from "./lib/run/supervision.ts";
export { defineHook } from "./lib/hook.ts";
export type {
  BuildContext,
  Cgroup,
  CgroupStatistics,
  Hook,
  HookContext,
  HookExecOptions,
  HookExecOutput,
  Inside,
  InsideArgument,
  InsideProgram,
  InsideResult,
  NetworkSetupContext,
  Plugin,
  PostStartContext,
  PostStopContext,
  PreMountContext,
  Pressure,
  PressureAverages,
  SandboxStatistics,
  Stage,
  Usage,
} from "./lib/hook.ts";
export type { Network } from "./lib/net/network.ts";
export type { ErrorRule, Operation, Place, PseudoCall, Value } from "./lib/agent/operation.ts";
export type {
  SandboxOutput,
  SandboxProcess,
  SandboxStatus,
  SandboxTerminal,
} from "./lib/run/child.ts";
export type { ExitStatus } from "./lib/run/wait_status.ts";
export type { RunningSandbox } from "./lib/running.ts";
export type { LogOptions } from "./lib/state/log_options.ts";
export type { StartOptions } from "./lib/start.ts";
export type { Member } from "./lib/run/joining/members.ts";
export type { RunningEnd } from "./lib/run/joining/source.ts";
export type { ExecOptions, ExecUser } from "./lib/run/joining/exec.ts";
export type { ExecOutput, ExecProcess, ExecStatus } from "./lib/run/joining/exec_process.ts";
export type { Command, SpawnOptions } from "./lib/run/run.ts";
export type { Traced } from "./lib/run/tracing.ts";
export type { Stdio } from "./lib/run/stdio.ts";
export type { Plan } from "./lib/run/plan_view.ts";
export { parsePublish, type PublishedPort } from "./lib/plan/check_network.ts";
export { mountTable } from "./lib/plan/mount_table.ts";
export type { MountEntry } from "./lib/plan/mount_table.ts";
export type { Phase, Step } from "./lib/plan/step.ts";
export { pinNamespaces, unpinNamespace } from "./lib/namespaces/pin.ts";
export type { PinnedNamespace, PinPlaces } from "./lib/namespaces/pin.ts";
export type { NewNamespaces } from "./lib/namespaces/make.ts";
export { namespaces } from "./lib/namespaces/namespaces.ts";
export type { NamespacesOptions } from "./lib/namespaces/namespaces.ts";
export type {
  NamespaceHolder,
  NamespaceInfo,
  NamespaceProcess,
  NamespaceSandbox,
  NamespaceSnapshot,
} from "./lib/namespaces/snapshot.ts";
export { probe, type ProbeOptions } from "./lib/probe/probe.ts";
export type { Finding, ProbeGroup, ProbeReport, ProbeStatus } from "./lib/probe/finding.ts";
export type { ProbeId } from "./lib/probe/ids.ts";
export { Images } from "./lib/image/images.ts";
export type {
  Changes,
  ExportFormat,
  ImageConfig,
  ImageInfo,
  ImportedImage,
  ImportLimits,
  ImportOptions,
  Progress,
} from "./lib/image/images.ts";
export type { ImageRecord, ImportReport, LayerRecord } from "./lib/image/store/record.ts";
export { parseDuration, parseSize } from "./lib/quantity.ts";
export * from "./lib/errors.ts";
export { checkKeys } from "./lib/known_keys.ts";
export * from "./lib/spec.ts";
