/**
 * Where programs are looked for when nobody says.
 *
 * @module
 */

/** Where programs are looked for when the environment has no PATH. */
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
