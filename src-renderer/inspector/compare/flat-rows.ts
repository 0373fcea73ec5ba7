/** What differs in devices and in the structure of the files, as the rows of one list. */
import type { DeviceDiff } from '@shared/contracts/diff';
import type { LayoutDiff } from '@shared/diff/layout';
import { count, counted } from '../../lib/format';
import { scalarText } from './words';

export type FlatRow =
  | {
      readonly kind: 'head';
      readonly change: 'added' | 'removed' | 'changed' | 'moved';
      readonly name: string;
      readonly says: string;
      /** Of a part that differs in one value only: that value in either file. */
      readonly only?: { readonly a: string; readonly b: string };
    }
  | { readonly kind: 'field'; readonly field: string; readonly a: string; readonly b: string };

/** A row for each device, and one for each of its fields that differ. */
export function deviceRows(devices: readonly DeviceDiff[]): readonly FlatRow[] {
  return devices.flatMap((device): FlatRow[] => [
    { kind: 'head', change: device.state, name: `${device.name} ${device.instance}`, says: deviceSays(device) },
    ...device.fields.map(({ field, a, b }): FlatRow => ({ kind: 'field', field, a: scalarText(a), b: scalarText(b) })),
  ]);
}

function deviceSays({ state, changedBytes, fields, more }: DeviceDiff): string {
  const bytes = counted(changedBytes, 'byte');
  if (state !== 'changed') return `${bytes}, only in ${state === 'added' ? 'B' : 'A'}`;
  if (fields.length === 0) return `${bytes} differ; no description tells of its fields`;
  return `${bytes} differ, ${counted(fields.length, 'field')}${more ? ' and more' : ''}`;
}

/** A row for each part of the structure, and one for each of its values; a part that only moved is one row. */
export function layoutRows({ parts }: LayoutDiff): readonly FlatRow[] {
  return parts.flatMap(({ part, state, fields }): FlatRow[] => {
    const values = fields.map(({ field, a, b }): FlatRow & { readonly kind: 'field' } => ({
      kind: 'field',
      field,
      a: layoutText(a),
      b: layoutText(b),
    }));
    const head = { kind: 'head', change: state, name: part, says: PART_SAYS[state] } as const;
    const [only, ...more] = values;
    if (state === 'moved' && only !== undefined && more.length === 0) return [{ ...head, says: 'at', only }];
    return [head, ...values];
  });
}

const PART_SAYS = {
  added: 'only in B',
  removed: 'only in A',
  changed: '',
  moved: 'the same but for its place',
} as const;

/** Numbers get their thousands apart, also those of bytes. */
const layoutText = (value: string | null): string =>
  scalarText(value).replace(/^\d+(?= bytes$|$)/, (digits) => count(Number(digits)));
