/** Serves one open file to the inspector: everything here answers for any file, also for one that is no snapshot. */
import { byteCount, fileOffset, guestPhysical, type ByteCount, type FileOffset } from '@shared/bytes/units';
import type { LocateQuery, TranslateQuery } from '@shared/contracts/inspect';
import { fail, failureOf, type Failure, type StillframeError } from '@shared/contracts/failure';
import {
  MAX_BYTES,
  MAX_CELLS,
  MAX_SEGMENTS,
  MAX_STRETCHES,
  MAX_TEXT,
  type Density,
  type InspectedFile,
  type InspectorPort,
} from '@shared/contracts/inspector-port';
import type { RamRange } from '@shared/contracts/library';
import type { Lease } from '@shared/contracts/worker';
import { openLease, type FileSource } from '../io/lease';
import { giveWay } from '../io/turns';
import { createFieldService, type FieldService } from './fields';
import { pageRegions, type InspectorRegion } from './regions';
import { Segments } from './segments';
import { inspectSnapshot } from '../snapshot/inspect';
import { locateInSnapshot } from '../snapshot/locate';
import { machineRamMap } from '../snapshot/machine-ram';
import { openSnapshot, type OpenSnapshot } from '../snapshot/open';
import { createPlaces, type Places } from '../snapshot/places';
import { structureTree } from '../snapshot/tree';

/** What the service, and others beside it, work on once the file is open. */
export interface Opened {
  readonly source: FileSource;
  readonly file: InspectedFile;
  readonly snapshot: OpenSnapshot | null;
  /** null when the file is no stream. */
  readonly fields: FieldService | null;
  readonly places: Places | null;
  readonly regions: readonly InspectorRegion[];
  readonly segments: Segments;
}

export interface InspectorService {
  readonly api: InspectorPort;
  /** The file, opened at the first call. */
  opened(): Promise<Opened>;
  /** Closes the file; calls that come later are rejected. */
  dispose(): Promise<void>;
}

/**
 * A service for the file behind `lease`. It opens the file at the first call and keeps it open until `dispose`; a file
 * that cannot be opened rejects every call with the reason. `ramMap` comes from the snapshot's manifest; without it
 * the machine type tells where the guest has its RAM, if it is known.
 */
export function createInspectorService(lease: Lease, ramMap: readonly RamRange[] = []): InspectorService {
  let opening: Promise<Opened> | null = null;
  let disposed = false;

  const opened = (): Promise<Opened> => {
    if (disposed) return Promise.reject(closed(lease));
    opening ??= openFile(lease, ramMap);
    return opening;
  };

  const api: InspectorPort = {
    file: async () => (await opened()).file,
    tree: async () => {
      const { snapshot } = await opened();
      return snapshot === null ? [] : structureTree(snapshot);
    },
    children: async (id, from) => {
      const [parent, start] = [textOf(id, 'id'), whole(from, 'from')];
      return (await opened()).fields?.children(parent, start) ?? { nodes: [], total: 0 };
    },
    fieldsAt: async (offset) => {
      const at = whole(offset, 'offset');
      return (await opened()).fields?.fieldsAt(at) ?? [];
    },
    findFields: async (text) => {
      const wanted = textOf(text, 'text');
      return (await opened()).fields?.findFields(wanted) ?? { found: [], more: false };
    },
    bytes: async (offset, length) => {
      const [from, count] = [whole(offset, 'offset'), atMost(length, MAX_BYTES, 'length')];
      const { source } = await opened();
      // A copy of its own: a view would take its whole buffer along across the port.
      return (await source.read(fileOffset(from), byteCount(count))).slice();
    },
    stretches: async (wanted) => {
      giveWay();
      const checked = checkedStretches(wanted);
      const { source } = await opened();
      return Promise.all(checked.map(async ({ offset, length }) => (await source.read(offset, length)).slice()));
    },
    layout: async (offset, before, after) => {
      giveWay();
      const from = whole(offset, 'offset');
      const counts = [atMost(before, MAX_SEGMENTS, 'before'), atMost(after, MAX_SEGMENTS, 'after')] as const;
      const { segments } = await opened();
      return { segments: await segments.around(from, ...counts) };
    },
    locate: async (query) => {
      const checked = checkedQuery(query);
      return locateInSnapshot(await snapshotOf(opened(), lease), checked, (await opened()).file.ramMap);
    },
    translate: async (query) => {
      const checked = checkedTranslateQuery(query);
      const { places } = await opened();
      if (places === null) throw noPages(lease);
      return places.translator.ask(checked);
    },
    presentPage: async (offset, direction) => {
      if (direction !== 1 && direction !== -1) throw refusal('direction', '1 or -1');
      return nextPresent((await opened()).regions, whole(offset, 'offset'), direction);
    },
    density: async (block, cells) => {
      const count = atMost(cells, MAX_CELLS, 'cells');
      const region = (await opened()).regions.find((item) => item.block === block);
      if (region === undefined || count === 0) throw refusal('block', 'the name of a block with pages, and cells');
      return densityOf(region, count);
    },
  };

  const dispose = async (): Promise<void> => {
    disposed = true;
    const file = await opening?.catch(() => null);
    file?.places?.dispose();
    await file?.source.close();
  };
  return { api, opened, dispose };
}

async function openFile(lease: Lease, ramMap: readonly RamRange[]): Promise<Opened> {
  const source = await openLease(lease);
  try {
    const size = await source.size();
    const read = await readStructure(source, lease);
    const regions = read.snapshot === null ? [] : pageRegions(read.snapshot);
    const { report, failure } = read;
    const bytesOnDisk = await source.allocatedBytes();
    const file = { name: lease.name, size, bytesOnDisk, report, failure, ...ramMapOf(read.snapshot, ramMap) };
    const { snapshot } = read;
    const fields = snapshot === null ? null : createFieldService(snapshot);
    const places = snapshot === null ? null : createPlaces(snapshot, ramMap);
    return { source, file, snapshot, fields, places, regions, segments: new Segments(source, size, regions) };
  } catch (error) {
    await source.close();
    throw error;
  }
}

function ramMapOf(
  snapshot: OpenSnapshot | null,
  fromManifest: readonly RamRange[],
): Pick<InspectedFile, 'ramMap' | 'ramMapFrom'> {
  if (fromManifest.length > 0) return { ramMap: fromManifest, ramMapFrom: 'manifest' };
  const ramMap = snapshot === null ? [] : machineRamMap(snapshot.stream);
  return { ramMap, ramMapFrom: ramMap.length > 0 ? 'machine type' : null };
}

type Structure = { readonly snapshot: OpenSnapshot | null } & Pick<InspectedFile, 'report' | 'failure'>;

/** A file that is no stream has no structure, which is an answer; a file that cannot be read is not. */
async function readStructure(source: FileSource, lease: Lease): Promise<Structure> {
  try {
    const snapshot = await openSnapshot(source, { streamOffset: lease.streamOffset });
    return { snapshot, report: await inspectSnapshot(snapshot), failure: null };
  } catch (error) {
    const failure: Failure = failureOf(error, 'reading the structure of the file');
    if (!failure.code.startsWith('format.')) throw error;
    return { snapshot: null, report: null, failure };
  }
}

async function snapshotOf(opened: Promise<Opened>, lease: Lease): Promise<OpenSnapshot> {
  const { snapshot } = await opened;
  if (snapshot !== null) return snapshot;
  throw noPages(lease);
}

const noPages = (lease: Lease): StillframeError =>
  fail(
    'format.not-a-stream',
    'looking for a page',
    'this file has no pages to look for',
    'Open a QEMU or libvirt save file.',
    { where: { path: lease.name } },
  );

/** Start of the nearest present page beyond the page or gap at `offset`, block after block in file order. */
async function nextPresent(
  regions: readonly InspectorRegion[],
  offset: number,
  direction: 1 | -1,
): Promise<number | null> {
  const ordered = direction === 1 ? regions : [...regions].reverse();
  for (const region of ordered) {
    const here = Math.floor((offset - region.pagesOffset) / region.pageSize);
    const start = direction === 1 ? Math.max(0, here + 1) : Math.min(region.pagesTotal - 1, here - 1);
    if (start < 0 || start >= region.pagesTotal) continue;
    const page = await region.bits.present(start, direction);
    if (page !== null) return region.pagesOffset + page * region.pageSize;
  }
  return null;
}

async function densityOf(region: InspectorRegion, most: number): Promise<Density> {
  const exact = region.pagesTotal / most;
  const perCell = exact <= 1 ? 1 : Math.ceil(exact / 8) * 8;
  const cells = new Uint8Array(Math.ceil(region.pagesTotal / perCell));
  for (let cell = 0; cell < cells.length; cell += 1) {
    const from = cell * perCell;
    const to = Math.min(region.pagesTotal, from + perCell);
    // Rounded up, so that a single present page is never drawn as none.
    cells[cell] = Math.ceil(((await region.bits.count(from, to)) / (to - from)) * 255);
  }
  return { perCell, cells };
}

// --- arguments: they come from another process ---------------------------------------------------------------------

function refusal(name: string, must: string): StillframeError {
  return fail('usage', 'asking the inspector', `${name} must be ${must}`, 'Report this.');
}

function whole(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw refusal(name, '0 … 2^53 − 1');
  return value;
}

function atMost(value: unknown, most: number, name: string): number {
  if (whole(value, name) > most) throw refusal(name, `at most ${most}`);
  return whole(value, name);
}

function checkedStretches(wanted: unknown): readonly { offset: FileOffset; length: ByteCount }[] {
  if (!Array.isArray(wanted) || wanted.length > MAX_STRETCHES) throw refusal('stretches', `at most ${MAX_STRETCHES}`);
  const checked = wanted.map((item: unknown) => {
    const given = typeof item === 'object' && item !== null ? (item as Readonly<Record<string, unknown>>) : {};
    return {
      offset: fileOffset(whole(given['offset'], 'offset')),
      length: byteCount(atMost(given['length'], MAX_BYTES, 'length')),
    };
  });
  atMost(
    checked.reduce((sum, { length }) => sum + length, 0),
    MAX_BYTES,
    'all lengths together',
  );
  return checked;
}

function checkedQuery(query: unknown): LocateQuery {
  if (typeof query === 'object' && query !== null && 'kind' in query) {
    const given = query as Readonly<Record<string, unknown>>;
    if (given['kind'] === 'offset') return { kind: 'offset', offset: whole(given['offset'], 'offset') };
    if (given['kind'] === 'gpa') return { kind: 'gpa', gpa: guestPhysical(whole(given['gpa'], 'gpa')) };
    const { block } = given;
    if (given['kind'] === 'page' && typeof block === 'string' && block.length <= 255) {
      return { kind: 'page', block, page: whole(given['page'], 'page') };
    }
  }
  throw refusal('query', 'a page, an offset or a guest-physical address');
}

function checkedTranslateQuery(query: unknown): TranslateQuery {
  if (typeof query === 'object' && query !== null && 'kind' in query) {
    const given = query as Readonly<Record<string, unknown>>;
    const { gva, register } = given;
    if (given['kind'] === 'gva' && typeof gva === 'string' && /^0x[\da-f]{1,16}$/i.test(gva)) {
      return { kind: 'gva', gva, cpu: whole(given['cpu'], 'cpu') };
    }
    if (given['kind'] === 'register') {
      return { kind: 'register', register: textOf(register, 'register'), cpu: whole(given['cpu'], 'cpu') };
    }
  }
  throw refusal('query', 'a guest-virtual address or a register');
}

function textOf(value: unknown, name: string): string {
  if (typeof value !== 'string' || value.length > MAX_TEXT)
    throw refusal(name, `a text of at most ${MAX_TEXT} letters`);
  return value;
}

const closed = (lease: Lease): StillframeError =>
  fail('worker.refused', 'reading the file', 'it was closed', 'Open it again.', { where: { path: lease.name } });
