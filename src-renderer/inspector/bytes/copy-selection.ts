/** The selection on the clipboard, and a sentence about what was put there. */
import { hex } from '@shared/bytes/units';
import type { ShellApi } from '@shared/contracts/app';
import { MAX_BYTES, MAX_SEGMENTS, type InspectorPort } from '@shared/contracts/inspector-port';
import { counted } from '../../lib/format';
import type { OpenFile } from '../open-file.svelte';
import { copyTextOf, type CopyFormat } from './copy-text';

/** What is needed of an open file. */
type Copied = {
  readonly hex: Pick<OpenFile['hex'], 'selection'>;
  readonly api: Pick<InspectorPort, 'bytes' | 'layout'>;
};

const WORDS: Readonly<Record<CopyFormat, string>> = {
  hex: 'as hex',
  'C array': 'as a C array',
  text: 'as text',
  base64: 'as base64',
  'file offset': '',
};

/** Puts the selected bytes on the clipboard, as many as one answer of the worker holds, and says how many and what they are. */
export async function copySelection(
  { hex: { selection }, api }: Copied,
  shell: Pick<ShellApi, 'copyText'>,
  format: CopyFormat = 'hex',
): Promise<string> {
  const { from, to } = selection;
  if (format === 'file offset') {
    await shell.copyText(hex(from));
    return `File offset ${hex(from)} copied.`;
  }
  const read = await api.bytes(from, Math.min(to - from, MAX_BYTES));
  const absent = await bytesInHoles(api, from, from + read.length);
  await shell.copyText(copyTextOf(format, read));
  const rest = read.length < to - from ? `, the first MiB of ${counted(to - from, 'byte')} selected` : '';
  const holes =
    absent === 0 ? '' : ` ${counted(absent, 'of them is', 'of them are')} in holes of the file and copied as zeros.`;
  return `${counted(read.length, 'byte')} copied ${WORDS[format]}${rest}.${holes}`;
}

async function bytesInHoles(port: Pick<InspectorPort, 'layout'>, from: number, to: number): Promise<number> {
  let absent = 0;
  for (let at = from; at < to;) {
    const { segments } = await port.layout(at, 0, MAX_SEGMENTS);
    const before = at;
    for (const { offset, length, kind } of segments) {
      const end = Math.min(to, offset + length);
      if (end <= at) continue;
      if (kind === 'hole') absent += end - at;
      at = end;
    }
    if (at === before) break;
  }
  return absent;
}
