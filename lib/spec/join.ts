/**
 * Namespaces that exist already, as plain data.
 *
 * @module
 */

/**
 * Which existing namespace to join: a path such as `/run/netns/blue` or `/proc/1/ns/net`, the
 * process whose namespace it is, or an open descriptor of one.
 */
export type JoinTarget = string | { pid: number } | { fd: number };
