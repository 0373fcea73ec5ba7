/** QEMU's size suffixes. */
const SUFFIXES = 'BKMGTPE';

/** Bytes as QEMU writes sizes: `4096`, `0x1000`, `4K`, `1.5M`; at most 2^53 − 1. Null for anything else. */
export function readSize(text: string): number | null {
  const hexadecimal = /^0x[0-9a-f]+$/i.test(text) ? Number(text) : null;
  const match = /^(\d+(?:\.\d+)?)([bkmgtpe]?)$/i.exec(text);
  if (hexadecimal === null && match === null) return null;
  const power = SUFFIXES.indexOf((match?.[2] ?? '').toUpperCase() || 'B');
  const value = hexadecimal ?? Number(match?.[1]) * 1024 ** power;
  return Number.isSafeInteger(value) ? value : null;
}
