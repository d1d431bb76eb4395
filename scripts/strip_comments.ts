/**
 * Takes the comments that have lines of their own out of a module: the bundle is read at each start,
 * and whoever reads it reads the sources instead.
 *
 * @module
 */

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

/** Where text stands in which the signs of a comment mean nothing. */
function templates(node: Node, found: Node[] = []): Node[] {
  if (node.type === "TemplateElement") found.push(node);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === "string") templates(child, found);
    }
  }
  return found;
}

const COMMENT = /^[ \t]*(?:\/\*(?:(?!\*\/)[\s\S])*\*\/|\/\/.*)[ \t]*\n/gm;

/** The same module without them. */
export function stripComments(code: string, parse: (code: string) => unknown): string {
  const texts = templates(parse(code) as Node);
  return code.replace(COMMENT, (comment, at: number) => {
    const isText = texts.some(({ start, end }) => at >= start && at < end);
    return isText ? comment : "";
  });
}
