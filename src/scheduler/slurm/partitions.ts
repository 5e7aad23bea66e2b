/** Partitions as sinfo prints them: one row for each group of equal nodes, so a partition can have several. */
import type { PartitionFacts } from '../port.ts';

export const sinfoFormat = 'HPCP|%R|%P|%a|%l|%L|%D|%C|%m|%G|HPCE';

/** `1-00:00:00`, `10:00`, `30`; undefined for `infinite` and `n/a`. */
export function parseSlurmDurationS(text: string): number | undefined {
  const match = /^(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?$/.exec(text.trim());
  if (!match) return undefined;
  const [, days, a = '0', b, c] = match;
  if (days !== undefined) return Number(days) * 86_400 + Number(a) * 3_600 + Number(b ?? 0) * 60 + Number(c ?? 0);
  if (c !== undefined) return Number(a) * 3_600 + Number(b) * 60 + Number(c);
  return b === undefined ? Number(a) * 60 : Number(a) * 60 + Number(b);
}

export function parsePartitions(text: string): PartitionFacts[] {
  const partitions = new Map<string, PartitionFacts>();
  for (const match of text.matchAll(/^HPCP\|([^|\n]*)\|([^|\n]*)\|([^|\n]*)\|([^|\n]*)\|([^|\n]*)\|(\d+)\|(\d+)\/(\d+)\/(\d+)\/(\d+)\|(\d+)\+?\|([^|\n]*)\|HPCE$/gm)) {
    const [, name = '', starred = '', available, limit = '', standard = '', nodes, , idle, , total, memory, rawGres = ''] = match;
    const before = partitions.get(name);
    const gres = rawGres === '(null)' ? '' : rawGres;
    const maxWalltimeS = parseSlurmDurationS(limit);
    const defaultWalltimeS = parseSlurmDurationS(standard);
    partitions.set(name, {
      name,
      isDefault: starred.endsWith('*'),
      up: available === 'up',
      ...(maxWalltimeS === undefined ? {} : { maxWalltimeS }),
      ...(defaultWalltimeS === undefined ? {} : { defaultWalltimeS }),
      nodes: Number(nodes) + (before?.nodes ?? 0),
      cpusTotal: Number(total) + (before?.cpusTotal ?? 0),
      cpusIdle: Number(idle) + (before?.cpusIdle ?? 0),
      memoryMiBPerNode: Math.max(Number(memory), before?.memoryMiBPerNode ?? 0),
      gres: [...new Set([...(before?.gres ?? '').split(','), ...gres.split(',')])].filter((item) => item !== '').join(','),
    });
  }
  return [...partitions.values()];
}
