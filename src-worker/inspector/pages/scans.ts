/** The scans of an inspector's file, each by itself. */
import type { PageScan, PageScanState } from '@shared/contracts/inspector-pages';
import type { Lease } from '@shared/contracts/lease';
import type { InspectorThreads } from '../threads';
import { AllocationScan } from './allocation';
import type { KnownFile } from './known-file';
import { ClassesScan } from './classes';
import { DigestsScan } from './digests';
import { DuplicatesScan } from './duplicates';
import { Scan } from './scan';
import { createScanThreads } from './windows';

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

export function createScans({ lease, digests, file, threads }: ScanContext): Scans {
  let [changes, told] = [0, 0];
  const waiting = new Set<() => void>();
  const onChange = (): void => {
    changes += 1;
    for (const wake of waiting) wake();
  };
  const opened = createScanThreads(threads, (thread) => thread.openPages(lease));
  const scans: Readonly<Record<PageScan, Scan>> = {
    allocation: new Scan('allocation', new AllocationScan(file), onChange),
    digests: new Scan('digests', new DigestsScan(digests, file, opened), onChange),
    duplicates: new Scan('duplicates', new DuplicatesScan(file, opened), onChange),
    classes: new Scan('classes', new ClassesScan(file, opened), onChange),
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
