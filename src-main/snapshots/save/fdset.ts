/** Handing open files to QEMU as a numbered set (`add-fd`), so that it never opens a path itself. */
import type { FileHandle } from 'node:fs/promises';
import * as v from 'valibot';
import type { Qmp } from '../../services';
import type { UndoStack, UndoStep } from './undo';

const addedSchema = v.object({ 'fdset-id': v.pipe(v.number(), v.safeInteger(), v.minValue(0)) });

/**
 * Puts the handles into a new set and answers its number. QEMU keeps its own copies until `remove-fd`, which the undo
 * step sends: it is due on every outcome.
 */
export async function addFdset(
  qmp: Qmp,
  handles: readonly FileHandle[],
  undo: UndoStack,
): Promise<{ readonly id: number; readonly removal: UndoStep }> {
  let id: number | undefined;
  const removal = undo.push('taking the memory file back from QEMU', async () => {
    if (id !== undefined) await qmp.execute('remove-fd', { 'fdset-id': id });
  });
  for (const handle of handles) {
    const answer = await qmp.execute(
      'add-fd',
      { ...(id === undefined ? {} : { 'fdset-id': id }), opaque: 'stillframe' },
      { fds: [handle.fd] },
    );
    id = v.parse(addedSchema, answer)['fdset-id'];
  }
  if (id === undefined) throw new RangeError('a set needs at least one file');
  return { id, removal };
}
