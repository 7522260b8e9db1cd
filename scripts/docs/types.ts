/** Types and signatures as HTML, each name that has a page as a link to it. */

import type { FunctionNode, MemberNode, ParamNode, TypeNode, TypeParamNode } from "./deno_doc.ts";
import { escapeHtml } from "./markdown.ts";

/** Where a name is told of; undefined: nowhere here. */
export type Find = (name: string) => string | undefined;

interface Parts {
  typeName: string;
  typeParams?: TypeNode[];
  objType: TypeNode;
  indexType: TypeNode;
  constructor: boolean;
  params: ParamNode[];
  tsType: TypeNode;
  typeParam: { name: string; constraint?: TypeNode };
  operator: string;
  kind: string;
  string: string;
  readonly?: boolean | string;
  optional?: boolean | string;
  checkType: TypeNode;
  extendsType: TypeNode;
  trueType: TypeNode;
  falseType: TypeNode;
  asserts: boolean;
  param: { name?: string; type: string };
  type?: TypeNode;
  properties?: MemberNode[];
  methods?: MemberNode[];
  callSignatures?: MemberNode[];
  indexSignatures?: MemberNode[];
}

/** Writes types; what it can't read it shows as Deno does. */
export class TypeWriter {
  constructor(private readonly find: Find) {}

  /** A type. */
  type(node: TypeNode | undefined): string {
    if (!node) return "unknown";
    const many = (glue: string) => (node.value as TypeNode[]).map((one) => this.type(one)).join(glue);
    const value = node.value as Parts;
    switch (node.kind) {
      case "keyword":
      case "this":
        return escapeHtml(node.repr ?? node.kind);
      case "literal":
        return escapeHtml(value.kind === "string" ? JSON.stringify(value.string) : node.repr ?? "");
      case "typeRef":
        return this.name(value.typeName) + this.#arguments(value.typeParams);
      case "union":
        return many(" | ");
      case "intersection":
        return many(" &amp; ");
      case "tuple":
        return `[${many(", ")}]`;
      case "array":
        return this.#array(node.value as TypeNode);
      case "parenthesized":
        return `(${this.type(node.value as TypeNode)})`;
      case "rest":
        return `...${this.type(node.value as TypeNode)}`;
      case "optional":
        return `${this.type(node.value as TypeNode)}?`;
      case "typeOperator":
        return `${value.operator} ${this.type(value.tsType)}`;
      case "typeQuery":
        return `typeof ${escapeHtml(node.repr ?? "")}`;
      case "indexedAccess":
        return `${this.type(value.objType)}[${this.type(value.indexType)}]`;
      case "fnOrConstructor":
        return `${value.constructor ? "new " : ""}(${this.params(value.params)}) =&gt; ${
          this.type(value.tsType)
        }`;
      case "typeLiteral":
        return this.#object(value);
      case "mapped":
        return `{ [${value.typeParam.name} in ${this.type(value.typeParam.constraint)}]: ${
          this.type(value.tsType)
        } }`;
      case "conditional":
        return `${this.type(value.checkType)} extends ${this.type(value.extendsType)} ? ${
          this.type(value.trueType)
        } : ${this.type(value.falseType)}`;
      case "typePredicate":
        return `${value.asserts ? "asserts " : ""}${value.param.name ?? "this"}${
          value.type ? ` is ${this.type(value.type)}` : ""
        }`;
      default:
        return escapeHtml(node.repr ?? `(${node.kind})`);
    }
  }

  /** A name, as a link where there is something to lead to. */
  name(name: string): string {
    const at = this.find(name);
    return at === undefined ? escapeHtml(name) : `<a href="${at}">${escapeHtml(name)}</a>`;
  }

  /** The parameters of a function, without its parentheses. */
  params(params: readonly ParamNode[]): string {
    return params.map((param) => this.#param(param)).join(", ");
  }

  /** `<T extends string>`, or nothing. */
  typeParams(params: readonly TypeParamNode[] = []): string {
    if (params.length === 0) return "";
    const each = params.map((one) =>
      one.name + (one.constraint ? ` extends ${this.type(one.constraint)}` : "") +
      (one.default ? ` = ${this.type(one.default)}` : "")
    );
    return `&lt;${each.join(", ")}&gt;`;
  }

  /** What follows a function's name. */
  signature(node: Partial<FunctionNode>): string {
    const answer = node.returnType ? `: ${this.type(node.returnType)}` : "";
    return `${this.typeParams(node.typeParams)}(${this.params(node.params ?? [])})${answer}`;
  }

  /** A property or method, as one line. */
  member(member: MemberNode): string {
    const words = [
      member.isStatic ? "static " : "",
      member.readonly ? "readonly " : "",
      member.kind === "getter" ? "get " : "",
    ].join("");
    const optional = member.optional ? "?" : "";
    const of = member.functionDef ?? (member.params ? member : undefined);
    if (of && member.kind === "getter") {
      return `${words}${escapeHtml(member.name)}: ${this.type(member.functionDef?.returnType)}`;
    }
    const name = `${words}${escapeHtml(member.name)}${optional}`;
    return of ? name + this.signature(of as FunctionNode) : `${name}: ${this.type(member.tsType)}`;
  }

  #arguments(types: readonly TypeNode[] = []): string {
    return types.length === 0 ? "" : `&lt;${types.map((one) => this.type(one)).join(", ")}&gt;`;
  }

  #array(of: TypeNode): string {
    const bare = !["union", "intersection", "fnOrConstructor", "typeOperator", "conditional"].includes(
      of.kind,
    );
    return bare ? `${this.type(of)}[]` : `(${this.type(of)})[]`;
  }

  #object({ properties = [], methods = [], callSignatures = [], indexSignatures = [] }: Parts): string {
    const parts = [
      ...indexSignatures.map((one) => this.index(one)),
      ...callSignatures.map((one) => this.signature({ ...one, returnType: one.tsType } as FunctionNode)),
      ...[...properties, ...methods].map((one) => this.member(one)),
    ];
    return parts.length === 0 ? "{}" : `{ ${parts.join("; ")} }`;
  }

  /** `[name: string]: number`. */
  index(member: MemberNode): string {
    return `[${this.params(member.params ?? [])}]: ${this.type(member.tsType)}`;
  }

  #param(param: ParamNode): string {
    if (param.kind === "assign") return this.#param({ ...param.left!, optional: true });
    if (param.kind === "rest") {
      return `...${this.#param({ ...param.arg!, tsType: param.tsType ?? param.arg!.tsType! })}`;
    }
    const name = param.kind === "identifier" ? param.name! : "options";
    return `${escapeHtml(name)}${param.optional ? "?" : ""}${
      param.tsType ? `: ${this.type(param.tsType)}` : ""
    }`;
  }
}
