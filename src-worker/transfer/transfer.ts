import type { SourceForm, TransferProgress } from '@shared/contracts/transfer';
import type { Turn } from './turn';

/** One transfer with both its ends open. */
export interface Transfer {
  /** What the source is. */
  readonly form: SourceForm;
  /** Does it all; called once. Rejects with `format.*` and `file.*`, or when it was given up. */
  run(turn: Turn): Promise<void>;
  progress(): Omit<TransferProgress, 'done'>;
  /** Closes both ends. */
  close(): Promise<void>;
}
