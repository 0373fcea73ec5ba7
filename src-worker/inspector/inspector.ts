/** One open inspector: its services put together, and the threads they share. */
import type { ServeInspector } from '@shared/contracts/endpoint-worker';
import type { Inspector } from '@shared/contracts/inspector';
import type { Lease } from '@shared/contracts/lease';
import { createInspectorCompare } from './compare';
import { createInspectorCode } from './code/code';
import { createInspectorFind } from './find';
import { createInspectorLeads } from './leads';
import { createInspectorPages } from './pages/pages';
import { createInspectorPlaces } from './places';
import { createInspectorService } from './service';
import { createInspectorStrings } from './strings';
import { createThreads } from './threads';

export interface OpenInspector {
  readonly api: Inspector;
  /** Lends the file of another session, or takes it back: null. */
  introduce(session: string, lease: Lease | null): void;
  /** Closes the file and ends the threads. */
  dispose(): Promise<void>;
}

/** `workerFile`: the program of this worker, which its threads run too. */
export function createInspector({ lease, ramMap, digests }: ServeInspector, workerFile: string): OpenInspector {
  const threads = createThreads(workerFile);
  const service = createInspectorService(lease, ramMap);
  const find = createInspectorFind(lease, ramMap, threads);
  const pages = createInspectorPages(lease, digests, threads);
  const compare = createInspectorCompare(lease, ramMap, threads, pages);
  const strings = createInspectorStrings(lease, ramMap, threads);
  return {
    api: {
      ...service.api,
      ...find.api,
      ...pages.api,
      ...createInspectorPlaces(service),
      ...createInspectorLeads(service),
      ...compare.api,
      ...strings.api,
      ...createInspectorCode(service),
    },
    introduce: compare.introduce,
    async dispose() {
      find.dispose();
      compare.dispose();
      strings.dispose();
      threads.dispose();
      await pages.dispose();
      await service.dispose();
    },
  };
}
