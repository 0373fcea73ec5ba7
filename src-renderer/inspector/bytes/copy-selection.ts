import type { ShellApi } from '@shared/contracts/app';
import { MAX_BYTES } from '@shared/contracts/inspector-port';
import { counted } from '../../lib/format';
import { hexText } from './byte-text';
import type { OpenFile } from '../open-file.svelte';

/** Puts the selected bytes on the clipboard as hexadecimal, as many as one answer of the worker holds, and says how many. */
export async function copySelection(file: OpenFile, shell: Pick<ShellApi, 'copyText'>): Promise<string> {
  const { from, to } = file.hex.selection;
  const read = await file.port.bytes(from, Math.min(to - from, MAX_BYTES));
  await shell.copyText(hexText(read));
  const rest = read.length < to - from ? ', the first MiB of the selection' : '';
  return `${counted(read.length, 'byte')} copied as hex${rest}.`;
}
