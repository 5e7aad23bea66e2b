/**
 * A notebook that reads the results of a run: best points, the effect of each parameter, a picture.
 *
 * Rules: it belongs to the user as soon as it is there and is never written over; it reads the CSV that is fetched anew with the results, and
 * needs nothing but Python's own library; with pandas and matplotlib, where they are, it shows more.
 */
import * as path from 'node:path';
import { readTextIfThere, writeFileAtomic } from '../foundation/atomicFile.ts';
import { columnsOf, type Results } from './resultsTable.ts';

export interface NotebookSubject extends Omit<Results, 'notes'> {
  readonly runName: string;
  readonly csv: string;
  readonly metric: string | undefined;
  readonly lowerIsBetter: boolean;
}

interface Cell {
  readonly cell_type: 'markdown' | 'code';
  readonly source: readonly string[];
}

const lines = (text: string): readonly string[] => text.split('\n').map((line, index, all) => (index === all.length - 1 ? line : `${line}\n`));
const markdown = (text: string): Cell => ({ cell_type: 'markdown', source: lines(text) });
const code = (text: string): Cell => ({ cell_type: 'code', source: lines(text) });
/** JSON's strings and lists of strings are Python's too. */
const python = (value: string | readonly string[]): string => JSON.stringify(value).replaceAll(/[\u007f-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);

export function notebookText(subject: NotebookSubject): string {
  const columns = columnsOf(subject);
  const metric = subject.metric === undefined ? columns.metrics[0] : (columns.metrics[subject.metrics.indexOf(subject.metric)] ?? columns.metrics[0]);
  const cells: Cell[] = [
    markdown(`# Results of ${subject.runName.replaceAll(/[\\`*_{}[\]()#+.!<>|-]/g, (sign) => `\\${sign}`)}\n\n${subject.rows.length} points. The table beside this notebook (${'`summary.csv`'}) is written anew whenever the results are read again; this notebook is yours and stays as it is.`),
    code(`from pathlib import Path

table = Path("summary.csv")
if not table.exists():
    table = Path(${python(subject.csv)})
parameters = ${python(columns.parameters)}
metrics = ${python(columns.metrics)}
metric = ${metric === undefined ? 'None' : python(metric)}
lower_is_better = ${subject.lowerIsBetter ? 'True' : 'False'}

try:
    import pandas as pd
except ImportError:
    pd = None
if pd is not None:
    results = pd.read_csv(table)
else:
    import csv

    with open(table, newline="", encoding="utf-8") as file:
        results = list(csv.DictReader(file))
results`),
    ...(metric === undefined ? [] : [
      markdown('## The best points'),
      code(`if pd is not None:
    best = results.sort_values(metric, ascending=lower_is_better).head(5)
else:
    best = sorted((row for row in results if row[metric]), key=lambda row: float(row[metric]), reverse=not lower_is_better)[:5]
best`),
      markdown('## The effect of each parameter\n\nThe mean over everything else, at each value.'),
      code(`if pd is not None:
    effects = {name: results.groupby(name)[metric].agg(["mean", "std", "count"]) for name in parameters if results[name].nunique() > 1}
else:
    effects = {}
    for name in parameters:
        groups = {}
        for row in results:
            if row[metric]:
                groups.setdefault(row[name], []).append(float(row[metric]))
        if len(groups) > 1:
            effects[name] = {value: sum(numbers) / len(numbers) for value, numbers in groups.items()}
effects`),
      code(`try:
    import matplotlib.pyplot as plt
except ImportError:
    plt = None
if plt is not None and pd is not None and effects:
    figure, axes = plt.subplots(1, len(effects), figsize=(3.5 * len(effects), 3), sharey=True, squeeze=False)
    for axis, (name, effect) in zip(axes[0], effects.items()):
        axis.errorbar([str(value) for value in effect.index], effect["mean"], yerr=effect["std"], marker="o", capsize=3)
        axis.set_xlabel(name)
    axes[0][0].set_ylabel(metric)
    figure.tight_layout()
    plt.show()
else:
    print("Install pandas and matplotlib in this kernel's environment for the picture.")`),
    ]),
  ];
  return `${JSON.stringify(
    {
      cells: cells.map((cell, index) => ({ cell_type: cell.cell_type, id: `cell-${index}`, metadata: {}, ...(cell.cell_type === 'code' ? { execution_count: null, outputs: [] } : {}), source: cell.source })),
      metadata: { kernelspec: { display_name: 'Python 3', language: 'python', name: 'python3' }, language_info: { name: 'python' } },
      nbformat: 4,
      nbformat_minor: 5,
    },
    undefined,
    1,
  )}\n`;
}

/** The notebook beside the CSV. */
export async function writeNotebook(subject: NotebookSubject): Promise<{ readonly path: string; readonly written: boolean }> {
  const file = path.join(path.dirname(subject.csv), 'results.ipynb');
  if ((await readTextIfThere(file)) !== undefined) return { path: file, written: false };
  await writeFileAtomic(file, notebookText(subject));
  return { path: file, written: true };
}
