import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import type { InspectorApi, InspectorSession } from '@shared/contracts/app';
import type { InspectorPorts, IntroduceInspector, ServeInspector } from '@shared/contracts/endpoint-worker';
import { fail, type Failure } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import type { RamRange, SnapshotId } from '@shared/contracts/library';
import type { Services, Worker } from '../services';
import { memoryFileOf, toldBy } from '../snapshots/library/memory-file';
import { fileReferenceText, findFileReference } from '../snapshots/library/reference';

/** What the inspectors need of the shell; `Port` is Electron's MessagePortMain. */
export interface InspectorHost<Port> {
  readonly services: Pick<Services, 'files' | 'library'>;
  takeWorker(): Promise<InspectorWorker<Port>>;
  makeChannel(): { readonly port1: Port; readonly port2: Port };
  sendPorts(session: string, ports: InspectorPorts<Port>): void;
  onEnded(session: string, failure: Failure): void;
}

/** A worker that can serve an inspector. */
export interface InspectorWorker<Port> extends Worker {
  serveInspector(ports: InspectorPorts<Port>, message: Omit<ServeInspector, 'kind'>): void;
  /** Heard before any call that is made after it. */
  introduceInspector(message: Omit<IntroduceInspector, 'kind'>): void;
}

export interface Inspectors extends InspectorApi {
  /** The page is gone, and with it the other end of every port. */
  closeAll(): Promise<void>;
}

/** Each has a process and a file; more than anybody has open, and no way to fill the machine. */
const maxSessions = 16;

interface Target {
  readonly path: string;
  readonly streamOffset: number | null;
  readonly name: string;
  readonly snapshot: string | null;
  readonly ramMap: readonly RamRange[];
  /** The file with the digests of its pages. */
  readonly digests: string | null;
}

interface Session<Port> {
  readonly worker: InspectorWorker<Port>;
  readonly lease: Lease;
  readonly gone: Promise<void>;
  /** Sessions that this one's file is lent to. */
  readonly knownTo: Set<string>;
}

/** Main introduces page and worker and then stays out of it: no byte of a file passes through here. */
export function createInspectors<Port>(host: InspectorHost<Port>): Inspectors {
  const sessions = new Map<string, Session<Port>>();
  let opening = 0;

  async function start(session: string, target: Target): Promise<void> {
    const { lease, digests, release } = await lend(target, host.services);
    const worker = await host.takeWorker().catch(async (error: unknown) => {
      await release();
      throw error;
    });
    const knownTo = new Set<string>();
    const gone = worker.ended.then(async () => {
      for (const other of knownTo) sessions.get(other)?.worker.introduceInspector({ session, lease: null });
      await release();
      if (sessions.delete(session)) host.onEnded(session, endedFailure(target.path));
    });
    sessions.set(session, { worker, lease, gone, knownTo });
    const [page, painter] = [host.makeChannel(), host.makeChannel()];
    worker.serveInspector([page.port1, painter.port1], { lease, ramMap: target.ramMap, digests });
    host.sendPorts(session, [page.port2, painter.port2]);
  }

  async function close(session: string): Promise<void> {
    const open = sessions.get(session);
    if (open === undefined) return;
    sessions.delete(session);
    open.worker.stop();
    await open.gone;
  }

  return {
    async open(asked): Promise<InspectorSession> {
      if (sessions.size + opening >= maxSessions) {
        throw fail('usage', 'opening a file', `${maxSessions} files are open already`, 'Close one of them.');
      }
      opening += 1;
      try {
        const id = randomUUID();
        const target = await targetOf(asked, host.services);
        await start(id, target);
        const { path, name, snapshot } = target;
        return { id, path, reference: fileReferenceText(target), name, snapshot };
      } finally {
        opening -= 1;
      }
    },
    async introduce(session, other) {
      const [asking, asked] = [sessions.get(session), sessions.get(other)];
      if (asking === undefined || asked === undefined || asking === asked) {
        throw fail('usage', 'comparing two files', 'they are not both open', 'Open them again.');
      }
      asked.knownTo.add(session);
      asking.worker.introduceInspector({ session: other, lease: asked.lease });
      // The page asks the worker by another way, on which it could come first.
      await asking.worker.api.hello();
    },
    close,
    async closeAll() {
      await Promise.all([...sessions.keys()].map(close));
    },
  };
}

interface Lent {
  readonly lease: Lease;
  /** null also where the file is gone: what is inspected is the memory. */
  readonly digests: Lease | null;
  release(): Promise<void>;
}

async function lend(target: Target, { files }: Pick<Services, 'files'>): Promise<Lent> {
  const memory = await files.lendPath(target.path, target.streamOffset);
  const digests = target.digests === null ? null : await files.lendPath(target.digests).catch(() => null);
  const release = async (): Promise<void> => {
    await Promise.all([memory.release(), digests?.release()]);
  };
  return { lease: memory.lease, digests: digests?.lease ?? null, release };
}

async function targetOf(
  asked: Parameters<InspectorApi['open']>[0],
  { library }: Pick<Services, 'library'>,
): Promise<Target> {
  if ('path' in asked) {
    const { path, streamOffset } = await findFileReference(asked.path);
    return { ...(await memoryFileOf(library, path)), streamOffset, name: basename(path), snapshot: null };
  }
  const entry = await library.get(asked.snapshot as SnapshotId);
  if (entry.memoryFile === null) {
    const todo = 'Remove it, or open one of its files by hand.';
    throw fail('library.bad-manifest', 'opening a snapshot', 'it has no memory file', todo, {
      where: { path: entry.folder },
    });
  }
  const { id, name, memoryFile: path, streamOffset } = entry;
  return { path, streamOffset, name, snapshot: id, ...toldBy(entry) };
}

const endedFailure = (path: string): Failure =>
  fail('worker.died', 'inspecting a file', 'the process that read this file ended', 'Open the file again.', {
    where: { path },
  }).failure;
