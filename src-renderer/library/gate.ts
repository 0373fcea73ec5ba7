/** Whether a restore may begin, from what preflight found and what the person accepted. */
import type { Finding, Preflight } from '@shared/contracts/library';
import { moment } from '../lib/format';

export type Gate = { readonly open: true } | { readonly open: false; readonly reason: string };

const SUBJECTS: Partial<Record<Finding['code'], string>> = {
  'disk-missing': 'the missing disk',
  'disk-written': 'the disk finding',
  disk: 'the disk finding',
  'qemu-older': 'the older QEMU',
  'cpu-model': 'the CPU model',
  accelerator: 'the accelerator',
};

export function gateOf(preflight: Preflight | null, accepted: ReadonlySet<string>): Gate {
  if (preflight === null) return { open: false, reason: 'Preflight is not done.' };
  if (preflight.load?.auto === null || preflight.findings.some(({ level }) => level === 'stop')) {
    return { open: false, reason: 'It cannot be restored here.' };
  }
  const undecided = preflight.findings.filter(({ level, key }) => level === 'ask' && !accepted.has(key));
  const [first] = undecided;
  if (first === undefined) return { open: true };
  if (undecided.length > 1) return { open: false, reason: `Decide on ${undecided.length} findings first.` };
  return { open: false, reason: `Decide on ${SUBJECTS[first.code] ?? 'the finding'} first.` };
}

/** Times that main wrote into a sentence (ISO 8601) as this person's clock and calendar have them. */
export const withLocalTimes = (text: string, now: Date): string =>
  text.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (iso) => moment(iso, now));

/** The first clause, which is set in bold: “deb13.qcow2 was written after this save”. */
export function splitFinding(text: string): readonly [head: string, rest: string] {
  const end = /(?: \(|[.;:] |\.$)/.exec(text)?.index ?? text.length;
  return [text.slice(0, end), text.slice(end)];
}
