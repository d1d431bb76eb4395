/**
 * Marks the functions of a module as "will be called", so that V8 compiles them with the module and
 * Deno keeps their code in its cache.
 *
 * V8 compiles a function when it is first called. Deno stores the code of a module right after it
 * has compiled it, before anything runs, so what is compiled later is compiled again in each
 * process. A function expression in parentheses is the sign by which V8 compiles at once. Methods
 * have no such sign.
 *
 * @module
 */

/** What of a syntax tree matters here. ESTree. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly id?: { readonly name: string } | null;
  readonly generator?: boolean;
}

/** Whether a node is a function that can stand in parentheses where it is. */
function canBeMarked(node: Node, parent: Node & { method?: boolean; kind?: string }): boolean {
  if (node.type === "ArrowFunctionExpression") return true;
  return node.type === "FunctionExpression" && parent.type !== "MethodDefinition" &&
    !(parent.type === "Property" && (parent.method || parent.kind !== "init"));
}

function visit(node: Node, parent: Node, found: (node: Node, parent: Node) => void): void {
  found(node, parent);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === "string") visit(child, node, found);
    }
  }
}

/** Puts function expressions into parentheses. */
function markExpressions(code: string, program: Node): string {
  const marks: { at: number; mark: string }[] = [];
  visit(program, program, (node, parent) => {
    if (!canBeMarked(node, parent)) return;
    marks.push({ at: node.start, mark: "(" }, { at: node.end, mark: ")" });
  });
  // Two at one place are the ends of two functions, one in the other.
  marks.sort((a, b) => a.at - b.at);
  let out = "", from = 0;
  for (const { at, mark } of marks) {
    out += code.slice(from, at) + mark;
    from = at;
  }
  return out + code.slice(from);
}

/** Makes function declarations of the module expressions, and moves them up to where they were hoisted. */
function markDeclarations(code: string, body: readonly Node[]): string {
  let hoisted = "", rest = "", from = 0;
  for (const node of body) {
    if (node.type !== "FunctionDeclaration") continue;
    rest += code.slice(from, node.start);
    from = node.end;
    hoisted += `const ${node.id!.name} = (${code.slice(node.start, node.end)});\n`;
  }
  return hoisted + (rest + code.slice(from)).replace(/\n{3,}/g, "\n");
}

/** The same module, with every function that is no method marked. Its imports stand first. */
export function markEager(code: string, parse: (code: string) => unknown): string {
  const tree = (text: string) => parse(text) as Node & { readonly body: readonly Node[] };
  const marked = markExpressions(code, tree(code));
  const { body } = tree(marked);
  const imports = body.filter(({ type }) => type === "ImportDeclaration");
  const end = imports.at(-1)?.end ?? 0;
  return marked.slice(0, end) + (end > 0 ? "\n" : "") +
    markDeclarations(marked.slice(end), tree(marked.slice(end)).body);
}
