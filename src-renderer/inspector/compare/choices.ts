/** Which snapshots of the library a file can be compared with. */
import type { SnapshotEntry } from '@shared/contracts/library';

export interface Choices {
  /** Of the same VM, the newest first. */
  readonly same: readonly SnapshotEntry[];
  readonly others: readonly SnapshotEntry[];
}

/** All but the open one, and those without a file. `open`: what the inspector has open. */
export function choicesFor(
  entries: readonly SnapshotEntry[],
  open: { readonly path: string; readonly snapshot: string | null },
): Choices {
  const own = entries.find(({ id, memoryFile }) => id === open.snapshot || memoryFile === open.path);
  const choices = [...entries]
    .filter((entry) => entry !== own && entry.memoryFile !== null)
    .sort((a, b) => (b.savedAt ?? '').localeCompare(a.savedAt ?? ''));
  const isSame = ({ machineName }: SnapshotEntry): boolean => machineName !== null && machineName === own?.machineName;
  return { same: choices.filter(isSame), others: choices.filter((entry) => !isSame(entry)) };
}
