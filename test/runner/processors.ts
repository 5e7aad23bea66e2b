/**
 * Who used the processors. What a program and all its children used is known to the system once they ended and were waited for; daemons that left
 * their parents are only in the sum of the whole machine.
 */
import * as fs from 'node:fs';

const ticksPerSecond = 100;
let reapedBefore = 0;

/** Processor time of the children that ended since the last call: to be called at each end. 0 where there is no /proc. */
export function reapedSeconds(): number {
  let text: string;
  try {
    text = fs.readFileSync('/proc/self/stat', 'utf8');
  } catch {
    return 0;
  }
  // The name before it may hold spaces; cutime and cstime are the 16th and 17th field.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const reaped = (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
  const since = reaped - reapedBefore;
  reapedBefore = reaped;
  return since;
}

export interface MachineTimes {
  readonly busySeconds: number;
  /** Nothing to compute because a disk was written. Node's own figures leave it out. */
  readonly diskSeconds: number;
  readonly allSeconds: number;
}

export function machineTimes(): MachineTimes {
  let line: string;
  try {
    line = fs.readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '';
  } catch {
    return { busySeconds: 0, diskSeconds: 0, allSeconds: 0 };
  }
  const [user = 0, nice = 0, system = 0, idle = 0, disk = 0, irq = 0, softirq = 0, steal = 0] = line.split(/\s+/).slice(1).map((ticks) => Number(ticks) / ticksPerSecond);
  const busySeconds = user + nice + system + irq + softirq;
  return { busySeconds, diskSeconds: disk, allSeconds: busySeconds + idle + disk + steal };
}
