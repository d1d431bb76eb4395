/**
 * Makes functions of the methods of classes, so that they can be marked as `eager_functions.ts` marks
 * functions: a method has no sign by which V8 compiles it with the module.
 *
 * What a method may use stays what it was, private names too, for the function stands in the class:
 *
 * ```js
 * class A { open() { this.#look(1) }  #look(x) { … } }
 * // becomes
 * class A {
 *   static #look = function (x) { … };
 *   static { this.prototype.open = function () { A.#look.call(this, 1) }; }
 * }
 * ```
 *
 * Such properties can be enumerated, which methods cannot; nothing in the bundle looks.
 *
 * @module
 */

/** What of a syntax tree matters here. ESTree. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

interface Key extends Node {
  readonly name?: string;
}

interface Method extends Node {
  readonly kind: string;
  readonly static: boolean;
  readonly computed: boolean;
  readonly key: Key;
  readonly value: Node & { readonly async: boolean; readonly generator: boolean };
}

interface Class extends Node {
  readonly id: Key;
  readonly superClass?: Node | null;
  readonly body: Node & { readonly body: readonly Node[] };
}

type Edit = readonly [start: number, end: number, text: string];

/** Calls `found` for a node and everything below it, with what is above. */
function visit(
  node: Node,
  found: (node: Node, parents: readonly Node[]) => void,
  parents: readonly Node[] = [],
): void {
  found(node, parents);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === "string") visit(child, found, [...parents, node]);
    }
  }
}

function has(node: Node, wanted: (node: Node) => boolean): boolean {
  let is = false;
  visit(node, (inner) => is ||= wanted(inner));
  return is;
}

function apply(code: string, edits: readonly Edit[]): string {
  let out = "", from = 0;
  for (const [start, end, text] of [...edits].sort((a, b) => a[0] - b[0])) {
    out += code.slice(from, start) + text;
    from = end;
  }
  return out + code.slice(from);
}

/** The classes that can be changed: with a name, and no other class in them. */
function classes(program: Node): Class[] {
  const found: Class[] = [];
  visit(program, (node) => {
    if (node.type !== "ClassDeclaration") return;
    const { body } = node as Class;
    const isClass = ({ type }: Node) => type === "ClassDeclaration" || type === "ClassExpression";
    if (!has(body, isClass)) found.push(node as Class);
  });
  return found;
}

function methodsOf({ body }: Class): Method[] {
  return body.body.filter((member): member is Method =>
    member.type === "MethodDefinition" && !(member as Method).static &&
    (member as Method).kind !== "constructor" && !has(member, ({ type }) => type === "Super")
  );
}

/** A method's text as a function's. */
function functionText(code: string, { value }: Method): string {
  const head = `${value.async ? "async " : ""}function${value.generator ? "*" : ""}`;
  return `${head} ${code.slice(value.start, value.end)}`;
}

/** Private methods and getters become private functions of the class. */
function privateOnes(code: string, program: Node): string {
  const edits: Edit[] = [];
  for (const type of classes(program)) {
    const candidates = methodsOf(type).filter(({ key, kind }) =>
      key.type === "PrivateIdentifier" && (kind === "method" || kind === "get")
    );
    for (const method of candidates) {
      const uses: Edit[] = [];
      let isUsedOtherwise = false;
      visit(type.body, (node, parents) => {
        const use = node as Key;
        if (use.type !== "PrivateIdentifier" || use.name !== method.key.name) return;
        if (use === method.key) return;
        const member = parents.at(-1) as Node & { object?: Node; optional?: boolean };
        const user = parents.at(-2) as Node & {
          callee?: Node;
          optional?: boolean;
          arguments?: readonly Node[];
        };
        const of = `${type.id.name}.#${use.name}.call(this`;
        if (member.type !== "MemberExpression" || member.object?.type !== "ThisExpression") {
          isUsedOtherwise = true;
        } else if (method.kind === "get") {
          const isTarget = user.type === "AssignmentExpression" || user.type === "UpdateExpression";
          if (isTarget) isUsedOtherwise = true;
          uses.push([member.start, member.end, `${of})`]);
        } else if (user.type === "CallExpression" && user.callee === member && !user.optional) {
          const open = code.indexOf("(", member.end) + 1;
          uses.push([member.start, open, of + (user.arguments!.length > 0 ? ", " : "")]);
        } else isUsedOtherwise = true;
      });
      if (isUsedOtherwise) continue;
      const text = `static #${method.key.name} = `;
      const { value } = method;
      const head = functionText(code, method).slice(0, -(value.end - value.start));
      edits.push(...uses, [method.start, value.start, text + head], [method.end, method.end, ";"]);
    }
  }
  return apply(code, edits);
}

/** What a constructor does becomes a private function, where nothing of it is a constructor's alone. */
function constructors(code: string, program: Node): string {
  const edits: Edit[] = [];
  for (const type of classes(program)) {
    if (type.superClass) continue;
    const method = type.body.body.find((member) => (member as Method).kind === "constructor");
    if (method === undefined || has(method, ({ type }) => type === "MetaProperty")) continue;
    const { value } = method as Method;
    const make = `\n  static #construct = function ${code.slice(value.start, value.end)};`;
    const start = type.body.start + 1;
    const call = `constructor(...all) { ${type.id.name}.#construct.apply(this, all); }`;
    edits.push([start, start, make], [method.start, method.end, call]);
  }
  return apply(code, edits);
}

/** Public methods become functions that the class gives to its prototype. */
function publicOnes(code: string, program: Node): string {
  const edits: Edit[] = [];
  for (const type of classes(program)) {
    const methods = methodsOf(type).filter(({ kind, key }) =>
      kind === "method" && key.type !== "PrivateIdentifier"
    );
    if (methods.length === 0) continue;
    const lines = methods.map((method) => {
      const key = code.slice(method.key.start, method.key.end);
      const place = method.computed
        ? `[${key}]`
        : method.key.type === "Identifier"
        ? `.${key}`
        : `[${key}]`;
      edits.push([method.start, method.end, ""]);
      return `    this.prototype${place} = ${functionText(code, method)};\n`;
    });
    const start = type.body.start + 1;
    edits.push([start, start, `\n  static {\n${lines.join("")}  }`]);
  }
  return apply(code, edits);
}

/** The same module, with functions in place of methods wherever that can be done. */
export function methodsToFunctions(code: string, parse: (code: string) => unknown): string {
  return [constructors, privateOnes, publicOnes].reduce(
    (text, change) => change(text, parse(text) as Node),
    code,
  );
}
