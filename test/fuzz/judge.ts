/** What every hostile file has to lead to. */
import { MemorySource } from '../../src-shared/bytes/memory-source';
import { StillframeError } from '../../src-shared/contracts/failure';
import type { InspectReport, StructureNode } from '../../src-shared/contracts/inspect';
import { findLostRuns } from '../../src-worker/snapshot/check';
import { inspectSnapshot } from '../../src-worker/snapshot/inspect';
import { locateInSnapshot } from '../../src-worker/snapshot/locate';
import { openSnapshot, type OpenSnapshot } from '../../src-worker/snapshot/open';
import { structureTree } from '../../src-worker/snapshot/tree';
import type { FileInMemory } from '../support/file-in-memory';

/**
 * No single file may take longer. Counted in CPU time: a source in memory never waits, and the machine may be busy with
 * other tests.
 */
const LONGEST_MS = 1000;

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

export type Verdict =
  /** The file could not be opened; the error says where. */
  | { readonly kind: 'refused'; readonly code: string }
  /** Opened, and something is reported. */
  | { readonly kind: 'reported'; readonly report: InspectReport }
  /** Nothing is wrong: every structure is where it was, or a neighbour would contradict it. */
  | { readonly kind: 'clean'; readonly report: InspectReport };

/** Counts what came out, for the test's own sentences. */
export interface Tally {
  refused: number;
  reported: number;
  clean: number;
  slowestMs: number;
}

export const newTally = (): Tally => ({ refused: 0, reported: 0, clean: 0, slowestMs: 0 });

/**
 * Opens the bytes as a file and asks everything of it. Throws when something comes out that must not: another error than
 * a `format.*` one with its place, a call that takes over a second twice, or a clean report of a file whose structures moved.
 */
export async function judge(file: FileInMemory, skeleton: string | null, what: string, tally: Tally): Promise<Verdict> {
  const [verdict, first] = await timed(file, what);
  // Garbage of the test's own and a busy machine count as well: a file that took too long has to do so twice.
  const took = first > LONGEST_MS ? Math.min(first, (await timed(file, what))[1]) : first;
  tally.slowestMs = Math.max(tally.slowestMs, took);
  tally[verdict.kind]++;
  if (took > LONGEST_MS) throw new Error(`${what}: took ${took.toFixed(0)} ms of CPU`);
  if (verdict.kind === 'clean' && skeleton !== null && skeletonOf(verdict.report) !== skeleton) {
    throw new Error(
      `${what}: the structures moved and nothing is reported\n${skeleton}\n${skeletonOf(verdict.report)}`,
    );
  }
  return verdict;
}

/** The verdict, and the milliseconds of CPU that it took. */
async function timed(file: FileInMemory, what: string): Promise<readonly [Verdict, number]> {
  const before = cpuMs();
  const verdict = await verdictOf(file, what);
  return [verdict, cpuMs() - before];
}

async function verdictOf(file: FileInMemory, what: string): Promise<Verdict> {
  const source = new MemorySource(file.bytes, 'hostile', file.holes);
  let snapshot: OpenSnapshot;
  try {
    snapshot = await openSnapshot(source);
  } catch (error) {
    return { kind: 'refused', code: refusal(error, what) };
  }
  const report = await inspectSnapshot(snapshot);
  countNodes(structureTree(snapshot));
  await findLostRuns(snapshot);
  await locateSome(snapshot, what);
  if (!report.complete && !report.problems.some(({ severity }) => severity !== 'note')) {
    throw new Error(`${what}: not complete, and no problem says why`);
  }
  return { kind: report.problems.length > 0 ? 'reported' : 'clean', report };
}

function refusal(error: unknown, what: string): string {
  if (!(error instanceof StillframeError)) throw new Error(`${what}: an untyped error`, { cause: error });
  const { code, where } = error.failure;
  if (!code.startsWith('format.')) throw new Error(`${what}: ${code}`, { cause: error });
  if (where.offset === undefined || where.field === undefined) {
    throw new Error(`${what}: ${code} without its place`, { cause: error });
  }
  return code;
}

const countNodes = (nodes: readonly StructureNode[]): number =>
  nodes.reduce((sum, node) => sum + 1 + countNodes(node.children), 0);

/** The first and last page of every block: an answer, or a typed error. */
async function locateSome(snapshot: OpenSnapshot, what: string): Promise<void> {
  for (const block of snapshot.stream.ramBlocks.slice(0, 16)) {
    for (const page of [0, Math.max(0, (block.header?.pagesTotal ?? 1) - 1)]) {
      try {
        await locateInSnapshot(snapshot, { kind: 'page', block: block.name, page }, []);
      } catch (error) {
        if (!(error instanceof StillframeError)) throw new Error(`${what}: locate: an untyped error`, { cause: error });
      }
    }
  }
}

/** Where everything is, without what names, numbers and counts say. */
export function skeletonOf(report: InspectReport): string {
  return JSON.stringify([
    report.container,
    report.ramBlocks.map(({ usedLength, pageSize, recordOffset, headerOffset, bitmapOffset, pagesOffset }) => [
      usedLength,
      pageSize,
      recordOffset,
      headerOffset,
      bitmapOffset,
      pagesOffset,
    ]),
    report.sections.map(({ type, offset }) => [type, offset]),
    report.vmDescription,
  ]);
}

export { randomFrom } from '../support/random';
