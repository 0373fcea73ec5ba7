/** Opening the dialog that exports something of the open file. */
import type { Dialogs } from '../../app/dialogs.svelte';
import type { OpenFile } from '../open-file.svelte';
import type { ExportSelection } from './export-plan';

/** `selection`: what is to be exported; without one it is what is selected among the bytes. */
export function openExport(
  dialogs: Pick<Dialogs, 'open'>,
  file: OpenFile,
  selection: ExportSelection | null = selectedIn(file),
): void {
  const { source, session } = file;
  dialogs.open({ kind: 'export', subject: { source, name: session.name, file: file.file, selection } });
}

/**
 * What is selected among the bytes: within the pages of one block it is the guest's memory. One byte, which is where the cursor
 * is, counts as nothing.
 */
export function selectedIn({ hex, file }: OpenFile): ExportSelection | null {
  const { from, to } = hex.selection;
  if (to - from <= 1) return null;
  for (const { name, pagesOffset, pagesTotal, pageSize } of file.report?.ramBlocks ?? []) {
    if (pagesOffset === null || pagesTotal === null || pageSize === null) continue;
    if (from >= pagesOffset && to <= pagesOffset + pagesTotal * pageSize)
      return { kind: 'memory', range: { block: name, start: from - pagesOffset, end: to - pagesOffset } };
  }
  return { kind: 'bytes', start: from, end: to };
}
