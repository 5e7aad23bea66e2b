/**
 * What is wrong with a clusters.yaml, axes.yaml or playbook.yaml, from its text alone.
 *
 * Rules: clusters.yaml and playbook.yaml are judged by the code that reads them for a run, so that the editor never says something else;
 * an unknown key is a warning, for files are shared with other versions and with hpc-agent.
 */
import type { Document, LineCounter, Node } from 'yaml';
import type { ConfigProblem } from '../../cluster/configProblem.ts';
import { axesSchema, playbookSchema, type SchemaNode } from './fileSchemas.ts';
import type { TextFix, TextProblem } from './textProblem.ts';

const replacements = (words: readonly string[]): TextFix[] => words.slice(0, 5).map((text) => ({ kind: 'replace', title: `Change to "${text}"`, text }));

export function problemOfConfig(problem: ConfigProblem): TextProblem {
  const unknown = problem.severity === 'warning' && problem.message.includes('is not a setting');
  return {
    severity: problem.severity,
    code: unknown ? 'unknown_key' : problem.key === undefined ? 'file' : 'invalid_value',
    line: problem.line ?? 1,
    column: problem.column ?? 1,
    message: problem.message,
    remediation: problem.remediation,
    fixes: [...replacements(problem.suggestions ?? []), ...(unknown ? [{ kind: 'removeBlock', title: 'Remove the setting' } as const] : [])],
  };
}

export async function checkClustersText(text: string, file: string): Promise<readonly TextProblem[]> {
  const [{ parseClustersYaml }, { readLayer }] = await Promise.all([import('../../cluster/clustersYaml.ts'), import('../../cluster/readLayer.ts')]);
  const parsed = await parseClustersYaml(text, file);
  return [...parsed.problems, ...parsed.clusters.flatMap((cluster) => readLayer(cluster, 'user', file).problems)].map(problemOfConfig).sort((a, b) => a.line - b.line);
}

export async function checkPlaybookText(text: string, file: string): Promise<readonly TextProblem[]> {
  const { parsePlaybook } = await import('../../runs/playbook.ts');
  const read = await parsePlaybook(text, file);
  const refused: TextProblem[] = 'message' in read ? [{ severity: 'error', code: 'playbook_parse_error', line: read.line ?? 1, column: 1, message: `${read.message}.`.replace(/\.\.$/, '.'), remediation: 'None of the file is used until it is mended.', fixes: [] }] : [];
  return [...refused, ...(await checkAgainst(playbookSchema, text)).filter(({ code }) => refused.length === 0 || code === 'unknown_key')];
}

/** `taskCount`: of the sweep, where it is known. */
export async function checkAxesText(text: string, taskCount?: number): Promise<readonly TextProblem[]> {
  const problems = await checkAgainst(axesSchema, text);
  if (problems.some(({ severity }) => severity === 'error')) return problems;
  const { LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const { axes = [], homogeneous_axes: even = [] } = (document.toJS({ maxAliasCount: 100 }) ?? {}) as { axes?: readonly { name: string; size: number }[]; homogeneous_axes?: readonly string[] | null };
  const found: TextProblem[] = [...problems];
  const product = axes.reduce((count, { size }) => count * size, 1);
  if (taskCount !== undefined && axes.length > 0 && product !== taskCount) {
    const at = placeOf(document, ['axes'], lines, true);
    found.push({ severity: 'warning', code: 'axes_product', ...at, message: `The sizes multiply to ${product.toLocaleString('en-US')}, but tasks.py has ${taskCount.toLocaleString('en-US')} tasks: the axes are not used.`, remediation: 'Correct the sizes.', fixes: [] });
  }
  (even ?? []).forEach((name, index) => {
    if (!axes.some((axis) => axis.name === name)) {
      found.push({ severity: 'warning', code: 'unknown_axis', ...placeOf(document, ['homogeneous_axes', index], lines), message: `"${name}" is none of the axes.`, remediation: 'Name an axis of the list above.', fixes: replacements(axes.map((axis) => axis.name)) });
    }
  });
  return found;
}

type Step = string | number;

function placeOf(document: Document, path: readonly Step[], lines: LineCounter, ofKey = false): { readonly line: number; readonly column: number } {
  for (let length = path.length; length > 0; length -= 1) {
    const parent = document.getIn(path.slice(0, length - 1), true) as { items?: readonly { key?: Node & { value?: unknown } }[] } | undefined;
    const key = ofKey ? parent?.items?.find((pair) => pair.key?.value === path[length - 1])?.key : undefined;
    const node = key ?? (document.getIn(path.slice(0, length), true) as Node | undefined);
    if (node?.range) {
      const { line, col } = lines.linePos(node.range[0]);
      return { line, column: col };
    }
  }
  return { line: 1, column: 1 };
}

/** The small part of JSON Schema that the two hand-written schemas use. */
async function checkAgainst(schema: SchemaNode, text: string): Promise<readonly TextProblem[]> {
  const [{ LineCounter, parseDocument }, { nearMisses }] = await Promise.all([import('yaml'), import('../../cluster/nearMiss.ts')]);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.1' });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    return [{ severity: 'error', code: 'yaml', line, column: col, message: `${error.message}.`, remediation: 'Correct the YAML at this place; often a quote, a bracket or the indentation is missing just before it.', fixes: [] }];
  }
  const problems: TextProblem[] = [];
  const report = (severity: TextProblem['severity'], code: string, path: readonly Step[], message: string, fixes: readonly TextFix[] = [], ofKey = false): void => {
    problems.push({ severity, code, ...placeOf(document, path, lines, ofKey), message, remediation: '', fixes });
  };
  const check = (value: unknown, node: SchemaNode, path: readonly Step[]): void => {
    const name = path.map(String).join('.').replaceAll(/\.(\d+)/g, '[$1]');
    const allowed = node.enum as readonly unknown[] | undefined;
    if (allowed && !allowed.includes(value)) return report('error', 'invalid_value', path, `${name} must be ${allowed.length === 1 ? '' : 'one of '}${allowed.join(', ')}.`, replacements(allowed.map(String)));
    if (typeof value === 'number' && ((typeof node.minimum === 'number' && value < node.minimum) || (typeof node.maximum === 'number' && value > node.maximum))) return report('error', 'invalid_value', path, `${name} must be ${typeof node.maximum === 'number' ? `from ${Number(node.minimum)} to ${node.maximum}` : `at least ${Number(node.minimum)}`}.`);
    switch (node.type) {
      case 'object': {
        if (typeof value !== 'object' || value === null || Array.isArray(value)) return report('error', 'invalid_value', path, `${name || 'The file'} must be a mapping.`);
        const known = node.properties as Readonly<Record<string, SchemaNode>>;
        for (const [key, item] of Object.entries(value)) {
          const next = Object.hasOwn(known, key) ? known[key] : undefined;
          const near = nearMisses(key, Object.keys(known));
          if (next) check(item, next, [...path, key]);
          else report('warning', 'unknown_key', [...path, key], `"${key}" is not known here and has no effect.${near.length === 0 ? '' : ` Did you mean "${near[0] ?? ''}"?`}`, [...replacements(near), { kind: 'removeBlock', title: 'Remove it' }], true);
        }
        for (const key of (node.required as readonly string[] | undefined) ?? []) if (!Object.hasOwn(value, key)) report('error', 'missing_key', path, `${name === '' ? 'The file' : name} needs ${key}.`);
        return;
      }
      case 'array':
        if (!Array.isArray(value)) return value === null && path.length === 1 ? undefined : report('error', 'invalid_value', path, `${name} must be a list.`);
        return value.forEach((item, index) => check(item, node.items as SchemaNode, [...path, index]));
      case 'integer':
        return Number.isInteger(value) ? undefined : report('error', 'invalid_value', path, `${name} must be a whole number.`);
      case 'number':
        return typeof value === 'number' ? undefined : report('error', 'invalid_value', path, `${name} must be a number.`);
      case 'string':
        return typeof value === 'string' || typeof value === 'number' ? undefined : report('error', 'invalid_value', path, `${name} must be a text.`);
    }
  };
  const whole: unknown = document.toJS({ maxAliasCount: 100 });
  if (whole !== null && whole !== undefined) check(whole, schema, []);
  return problems;
}
