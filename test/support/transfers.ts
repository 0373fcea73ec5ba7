/** Driving a worker's transfers without a worker. */
import { stat, writeFile } from 'node:fs/promises';
import type { Lease } from '../../src-shared/contracts/lease';
import type {
  CopiedPages,
  Joined,
  JoinSetup,
  SourceForm,
  TransferApi,
  TransferProgress,
  TransferSetup,
} from '../../src-shared/contracts/transfer';

/** Leave to use a file or named pipe by its path. */
export async function leaseOf(path: string, streamOffset: number | null = null): Promise<Lease> {
  const { dev, ino } = await stat(path, { bigint: true });
  return { path, dev: String(dev), ino: String(ino), name: path, streamOffset };
}

/** The same for a new, empty file. */
export async function leaseOfNew(path: string): Promise<Lease> {
  await writeFile(path, '', { flag: 'wx' });
  return leaseOf(path);
}

export interface Transferred extends TransferProgress {
  readonly form: SourceForm;
  readonly steps: number;
  /** The longest step in milliseconds. */
  readonly longestMs: number;
}

/** Drives a transfer to its end. */
export async function runTransfer(api: TransferApi, setup: TransferSetup): Promise<Transferred> {
  const form = await api.beginTransfer(setup);
  let longestMs = 0;
  for (let steps = 1; ; steps++) {
    const began = performance.now();
    const progress = await api.stepTransfer();
    longestMs = Math.max(longestMs, performance.now() - began);
    if (progress.done) return { ...progress, form, steps, longestMs };
    // Whoever is on the other end of a pipe may be in this process.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** Both steps of a join, one right after the other. */
export async function joinAll(
  api: TransferApi,
  { copied, ...setup }: Omit<JoinSetup, 'external'> & { readonly copied: CopiedPages },
): Promise<Joined> {
  await api.beginJoin({ ...setup, external: Object.keys(copied) });
  return api.finishJoin(copied);
}
