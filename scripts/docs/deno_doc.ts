/** What `deno doc --json` tells of a module, as far as it is shown. */

/** A type as it is written. */
export interface TypeNode {
  kind: string;
  repr?: string;
  value: unknown;
}

/** What a comment says. */
export interface JsDoc {
  doc?: string;
  tags?: { kind: string; name?: string; doc?: string; tsType?: TypeNode }[];
}

/** A parameter of a function. */
export interface ParamNode {
  kind: "identifier" | "assign" | "rest" | "object" | "array";
  name?: string;
  optional?: boolean;
  left?: ParamNode;
  arg?: ParamNode;
  tsType?: TypeNode;
}

/** A parameter of a type. */
export interface TypeParamNode {
  name: string;
  constraint?: TypeNode;
  default?: TypeNode;
}

/** A function, a method, or a type of one. */
export interface FunctionNode {
  params: ParamNode[];
  returnType?: TypeNode;
  tsType?: TypeNode;
  typeParams?: TypeParamNode[];
}

/** A member of a class, an interface or an object type. */
export interface MemberNode {
  name: string;
  kind?: string;
  jsDoc?: JsDoc;
  optional?: boolean;
  readonly?: boolean;
  isStatic?: boolean;
  accessibility?: "public" | "private" | "protected";
  tsType?: TypeNode;
  functionDef?: FunctionNode;
  params?: ParamNode[];
  returnType?: TypeNode;
  typeParams?: TypeParamNode[];
}

/** What a declaration has, by its kind. */
export interface Definition extends Partial<FunctionNode> {
  constructors?: MemberNode[];
  properties?: MemberNode[];
  methods?: MemberNode[];
  callSignatures?: MemberNode[];
  indexSignatures?: MemberNode[];
  extends?: TypeNode[] | string;
  superTypeParams?: TypeNode[];
  implements?: TypeNode[];
  kind?: string;
  /** Where a reference leads. */
  target?: { filename: string; line: number };
}

/** One declaration of a name. */
export interface Declaration {
  kind: "class" | "interface" | "function" | "typeAlias" | "variable" | "reference" | "enum" | "namespace";
  location: { filename: string; line: number };
  jsDoc?: JsDoc;
  def: Definition;
}

/** A name that a module exports. */
export interface SymbolNode {
  name: string;
  declarations: Declaration[];
}

/** A module by what it exports. */
export interface ModuleNode {
  module_doc?: JsDoc;
  symbols: SymbolNode[];
}

/** Asks Deno for the documentation of modules; the answer's keys are their URLs. */
export async function denoDoc(modules: readonly URL[]): Promise<Record<string, ModuleNode>> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", ...modules.map(String)],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`deno doc failed: ${decoder.decode(stderr)}`);
  return JSON.parse(decoder.decode(stdout)).nodes;
}
