/** Decimal fractions as big integers, so that `0:1:0.1` gives 0.3 and not 0.30000000000000004. */

export interface Decimal {
  readonly digits: bigint;
  /** Value = digits / 10^scale. */
  readonly scale: number;
  /** Written without point and exponent. */
  readonly whole: boolean;
}

const decimalPattern = /^([+-]?)(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d{1,3}))?$/;

export function parseDecimal(text: string): Decimal | undefined {
  const match = decimalPattern.exec(text);
  if (!match) return undefined;
  const [, sign = '', mantissa = '', exponentText = '0'] = match;
  const [integer = '', fraction = ''] = mantissa.split('.');
  let scale = fraction.length - Number(exponentText);
  let digits = BigInt(`${integer}${fraction}`) * (sign === '-' ? -1n : 1n);
  if (scale < 0) {
    digits *= 10n ** BigInt(-scale);
    scale = 0;
  }
  return { digits, scale, whole: /^[+-]?\d+$/.test(text) };
}

/** The digits of all, on one scale. */
export function align(values: readonly Decimal[]): { digits: bigint[]; scale: number } {
  const scale = Math.max(...values.map((value) => value.scale));
  return { digits: values.map((value) => value.digits * 10n ** BigInt(scale - value.scale)), scale };
}

/** The double nearest to digits / 10^scale: parsing the decimal text rounds once. */
export function toNumber(digits: bigint, scale: number): number {
  return Number(`${digits}e${-scale}`);
}
