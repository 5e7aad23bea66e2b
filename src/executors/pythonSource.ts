/**
 * Reads Python source by its grammar, without running it: calls with their arguments, constants, imports.
 *
 * Rule: what is not a literal (or the name of one) is `unknown`, never guessed.
 */
import type { SyntaxNode, Tree } from '@lezer/common';

export type Literal = { readonly known: true; readonly value: unknown } | { readonly known: false };
export const unknown: Literal = { known: false };

export interface CallArguments {
  readonly positional: readonly SyntaxNode[];
  readonly keywords: ReadonlyMap<string, SyntaxNode>;
  /** `*args` or `**kwargs`: more than the source shows. */
  readonly spread: boolean;
}

export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) if (child.name !== 'Comment') children.push(child);
  return children;
}

const punctuation = new Set(['(', ')', '[', ']', '{', '}', ',', ':', '.']);

export class PythonSource {
  private readonly constants = new Map<string, SyntaxNode>();

  constructor(readonly text: string, readonly tree: Tree) {
    const twice = new Set<string>();
    for (const statement of childrenOf(tree.topNode)) {
      if (statement.name !== 'AssignStatement') continue;
      const parts = childrenOf(statement);
      const value = parts.at(-1);
      for (let i = 0; i + 1 < parts.length; i++) {
        const part = parts[i];
        if (part?.name !== 'VariableName' || !value) continue;
        const name = this.textOf(part);
        if (this.constants.has(name)) twice.add(name);
        this.constants.set(name, value);
      }
    }
    for (const name of twice) this.constants.delete(name);
  }

  textOf(node: SyntaxNode | null | undefined): string {
    return node ? this.text.slice(node.from, node.to) : '';
  }

  lineOf(position: number): number {
    let line = 1;
    for (let at = this.text.indexOf('\n'); at >= 0 && at < position; at = this.text.indexOf('\n', at + 1)) line += 1;
    return line;
  }

  /** Line of the first place that is no Python, if any. */
  syntaxErrorLine(): number | undefined {
    let found: number | undefined;
    this.tree.iterate({
      enter: (node) => {
        if (node.type.isError && found === undefined) found = this.lineOf(node.from);
        return found === undefined;
      },
    });
    return found;
  }

  /** Every node of that kind below `root`, in order. */
  all(kind: string, root: SyntaxNode = this.tree.topNode): SyntaxNode[] {
    const found: SyntaxNode[] = [];
    root.cursor().iterate((node) => {
      if (node.name === kind) found.push(node.node);
    });
    return found;
  }

  arguments(list: SyntaxNode | null | undefined): CallArguments {
    const positional: SyntaxNode[] = [];
    const keywords = new Map<string, SyntaxNode>();
    let spread = false;
    const parts = list ? childrenOf(list) : [];
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i];
      if (!part) break;
      const [operator, value] = [parts[i + 1], parts[i + 2]];
      if (part.name === '*' || part.name === '**') {
        spread = true;
        i += 1;
      } else if (part.name === 'VariableName' && operator?.name === 'AssignOp' && value) {
        keywords.set(this.textOf(part), value);
        i += 2;
      } else if (!punctuation.has(part.name) && !part.type.isError) positional.push(part);
    }
    return { positional, keywords, spread };
  }

  /** `f`, `module.f`, `a.b.f` of a call, as text. */
  calleeOf(call: SyntaxNode): string {
    return this.textOf(call.firstChild).replace(/\s/g, '');
  }

  literal(node: SyntaxNode | null | undefined, depth = 0): Literal {
    if (!node || depth > 8) return unknown;
    switch (node.name) {
      case 'Number':
        return parseNumber(this.textOf(node));
      case 'String':
        return parseString(this.textOf(node));
      case 'ContinuedString': {
        const parts = childrenOf(node).map((part) => this.literal(part, depth + 1));
        return parts.every((part) => part.known && typeof part.value === 'string') ? { known: true, value: parts.map((part) => (part.known ? part.value : '')).join('') } : unknown;
      }
      case 'Boolean':
        return { known: true, value: this.textOf(node) === 'True' };
      case 'None':
        return { known: true, value: null };
      case 'ParenthesizedExpression':
        return this.literal(childrenOf(node)[1], depth + 1);
      case 'ArrayExpression':
      case 'TupleExpression':
      case 'SetExpression': {
        const items = childrenOf(node).filter((child) => !punctuation.has(child.name));
        const values = items.map((item) => this.literal(item, depth + 1));
        return values.every((value) => value.known) ? { known: true, value: values.map((value) => (value.known ? value.value : null)) } : unknown;
      }
      case 'VariableName':
        return this.literal(this.constants.get(this.textOf(node)), depth + 1);
      case 'UnaryExpression': {
        const [operator, operand] = childrenOf(node);
        const value = this.literal(operand, depth + 1);
        if (!value.known || typeof value.value !== 'number') return unknown;
        const sign = this.textOf(operator);
        return sign === '-' ? { known: true, value: -value.value } : sign === '+' ? value : unknown;
      }
      case 'BinaryExpression': {
        const [left, operator, right] = childrenOf(node);
        const [a, b] = [this.literal(left, depth + 1), this.literal(right, depth + 1)];
        if (!a.known || !b.known || typeof a.value !== 'number' || typeof b.value !== 'number') return unknown;
        return calculate(a.value, this.textOf(operator), b.value);
      }
      default:
        return unknown;
    }
  }

  /** The node that a name stands for at module level, else the node itself. */
  follow(node: SyntaxNode | undefined): SyntaxNode | undefined {
    return node?.name === 'VariableName' ? (this.constants.get(this.textOf(node)) ?? node) : node;
  }

  stringOf(node: SyntaxNode | null | undefined): string | undefined {
    const value = this.literal(node);
    return value.known && typeof value.value === 'string' ? value.value : undefined;
  }

  /** First paragraph of the docstring of a module or a function's body. */
  summaryOf(statements: readonly SyntaxNode[]): string {
    const first = statements.find((statement) => statement.name !== ':');
    if (first?.name !== 'ExpressionStatement') return '';
    const text = this.stringOf(first.firstChild) ?? '';
    return text.trim().split(/\n\s*\n/)[0]?.replace(/\s+/g, ' ').slice(0, 300) ?? '';
  }

  /** Top-level packages that are imported anywhere in the file. */
  imports(): string[] {
    const names = new Set<string>();
    for (const statement of this.all('ImportStatement')) {
      const text = this.textOf(statement).replace(/\s+/g, ' ');
      const from = /^from (\.*)([\w.]*)/.exec(text);
      if (from) names.add(from[1] ? `${from[1]}${from[2] ?? ''}` : (from[2] ?? '').split('.')[0] ?? '');
      else for (const part of text.replace(/^import /, '').split(',')) names.add(part.trim().split(/[ .]/)[0] ?? '');
    }
    names.delete('');
    return [...names].sort();
  }
}

function parseNumber(text: string): Literal {
  const clean = text.replaceAll('_', '');
  if (/^0[xXoObB]/.test(clean) || /^\d+$/.test(clean)) {
    const value = Number(clean);
    return Number.isSafeInteger(value) ? { known: true, value } : unknown;
  }
  const value = Number(clean);
  return Number.isNaN(value) ? unknown : { known: true, value };
}

function parseString(text: string): Literal {
  const match = /^([A-Za-z]*)("""|'''|"|')([\s\S]*)\2$/.exec(text);
  if (!match) return unknown;
  const prefix = (match[1] ?? '').toLowerCase();
  const body = match[3] ?? '';
  if (/[bft]/.test(prefix)) return unknown;
  if (prefix.includes('r')) return { known: true, value: body };
  const value = body.replace(/\\(\r?\n|[abfnrtv\\'"]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[0-7]{1,3})/g, (whole, code: string) => {
    if (/^\r?\n$/.test(code)) return '';
    if (/^[xu]/.test(code)) return String.fromCharCode(parseInt(code.slice(1), 16));
    if (/^[0-7]/.test(code)) return String.fromCharCode(parseInt(code, 8));
    return ({ a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' } as Record<string, string>)[code] ?? code ?? whole;
  });
  return { known: true, value };
}

function calculate(a: number, operator: string, b: number): Literal {
  const value = { '+': a + b, '-': a - b, '*': a * b, '/': a / b, '**': a ** b, '//': Math.floor(a / b) }[operator];
  return value !== undefined && Number.isFinite(value) ? { known: true, value } : unknown;
}

/** The grammar is loaded on first use. */
export async function parsePython(text: string): Promise<PythonSource> {
  const { parser } = await import('@lezer/python');
  return new PythonSource(text, parser.parse(text));
}
