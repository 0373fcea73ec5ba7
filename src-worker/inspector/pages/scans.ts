/** The scans of an inspector's file, each by itself. */
import type { PageScan, PageScanState } from '@shared/contracts/inspector-pages';
import type { Lease } from '@shared/contracts/lease';
import type { InspectorThreads } from '../threads';
import { AllocationScan } from './allocation';
import type { KnownFile } from './known-file';
import { Scan, type ScanWork } from './scan';

/** How long `next` waits for a scan to begin or end; shorter while one runs, whose progress is then to be seen. */
const WAIT_MS = 200;
const WAIT_RUNNING_MS = 100;

export interface Scans {
  begin(scan: PageScan): PageScanState;
  end(scan: PageScan): Promise<PageScanState>;
  next(): Promise<readonly PageScanState[]>;
  dispose(): Promise<void>;
}

export interface ScanContext {
  readonly lease: Lease;
  readonly digests: Lease | null;
  readonly file: () => Promise<KnownFile>;
  readonly threads: Pick<InspectorThreads, 'apis'>;
}

const later: ScanWork = {
  doneBytes: 0,
  totalBytes: 0,
  run: () => Promise.resolve({ impossible: 'This scan comes with a later change.' }),
};

export function createScans({ file }: ScanContext): Scans {
  let [changes, told] = [0, 0];
  const waiting = new Set<() => void>();
  const onChange = (): void => {
    changes += 1;
    for (const wake of waiting) wake();
  };
  const scans: Readonly<Record<PageScan, Scan>> = {
    allocation: new Scan('allocation', new AllocationScan(file), onChange),
    digests: new Scan('digests', later, onChange),
    duplicates: new Scan('duplicates', later, onChange),
    classes: new Scan('classes', later, onChange),
  };
  const all = Object.values(scans);
  const states = (): readonly PageScanState[] => all.map(({ state }) => state);

  const changed = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, milliseconds);
      waiting.add(wake);
    });

  return {
    begin: (scan) => scans[scan].begin(),
    end: (scan) => scans[scan].end(),
    async next() {
      const running = states().some(({ state }) => state === 'running');
      if (told === changes) await changed(running ? WAIT_RUNNING_MS : WAIT_MS);
      told = changes;
      return states();
    },
    async dispose() {
      await Promise.all(all.map((scan) => scan.end()));
      for (const wake of waiting) wake();
    },
  };
}
