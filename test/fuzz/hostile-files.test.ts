import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemorySource } from '../../src-shared/bytes/memory-source';
import type { InspectReport, StructureNode } from '../../src-shared/contracts/inspect';
import { inspectSnapshot } from '../../src-worker/snapshot/inspect';
import { openSnapshot } from '../../src-worker/snapshot/open';
import { structureTree } from '../../src-worker/snapshot/tree';
import { makeFile, type FileRecipe } from '../fixtures/migration-files';
import { readFileWithHoles, type FileInMemory } from '../support/file-in-memory';
import { makeTempDir, removeTempDir } from '../support/temp';
import { judge, newTally, randomFrom, skeletonOf, type Tally, type Verdict } from './judge';

const MOST_MEMORY = 200 * 1024 * 1024;
const SMALL = ['-M', 'q35', '-m', '4'];
const RECIPES: Readonly<Record<string, FileRecipe>> = {
  'mapped-ram': { title: 'mapped-ram', argv: SMALL, live: true, migrate: { mappedRam: true } },
  libvirt: { title: 'libvirt', argv: SMALL, migrate: { mappedRam: true }, libvirt: { cookie: '<cookie/>' } },
  legacy: { title: 'legacy', argv: SMALL, live: true },
};

interface Sample {
  readonly file: FileInMemory;
  readonly report: InspectReport;
  readonly skeleton: string;
  readonly leaves: readonly StructureNode[];
}

const samples = new Map<string, Sample>();
let rssBefore = 0;
let rssMost = 0;

beforeAll(async () => {
  const folder = await makeTempDir('sff');
  try {
    for (const [name, recipe] of Object.entries(RECIPES)) {
      const { path } = await makeFile(recipe, folder, `${name}.mapped`);
      const file = await readFileWithHoles(path);
      const snapshot = await openSnapshot(new MemorySource(file.bytes, name, file.holes));
      const report = await inspectSnapshot(snapshot);
      samples.set(name, { file, report, skeleton: skeletonOf(report), leaves: leavesOf(structureTree(snapshot)) });
    }
  } finally {
    await removeTempDir(folder);
  }
  rssBefore = process.memoryUsage.rss();
});

afterAll(() => {
  console.log(`memory grew by at most ${Math.round((rssMost - rssBefore) / 1e6)} MB`);
  expect(rssMost - rssBefore).toBeLessThan(MOST_MEMORY);
});

const leavesOf = (nodes: readonly StructureNode[]): StructureNode[] =>
  nodes.flatMap((node) => (node.children.length === 0 ? [node] : leavesOf(node.children)));

function sample(name: string): Sample {
  const found = samples.get(name);
  if (found === undefined) throw new Error(`no sample ${name}`);
  return found;
}

async function judged(file: FileInMemory, skeleton: string | null, what: string, tally: Tally): Promise<Verdict> {
  const verdict = await judge(file, skeleton, what, tally);
  rssMost = Math.max(rssMost, process.memoryUsage.rss());
  return verdict;
}

/** Judges the sample with `bytes` written at `offset`, and puts it back as it was. */
async function judgedWith(
  { file, skeleton }: Sample,
  offset: number,
  bytes: Uint8Array,
  what: string,
  tally: Tally,
): Promise<Verdict> {
  const kept = file.bytes.slice(offset, offset + bytes.length);
  file.bytes.set(bytes, offset);
  try {
    return await judged(file, skeleton, what, tally);
  } finally {
    file.bytes.set(kept, offset);
  }
}

const codesOf = (verdict: Verdict): readonly string[] =>
  verdict.kind === 'refused' ? [verdict.code] : verdict.report.problems.map(({ code }) => code);

function bigEndian(value: bigint, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => Number((value >> BigInt(8 * (size - 1 - at))) & 0xffn));
}

describe('truncations of a real file', () => {
  it.each([
    ['mapped-ram', 700],
    ['libvirt', 150],
    ['legacy', 150],
  ] as const)('of %s, %i lengths: each is refused or reported as not complete', async (name, count) => {
    const { file, report, leaves } = sample(name);
    const random = randomFrom(count);
    const tally = newTally();
    const eofEnd = (report.sections.find(({ type }) => type === 'eof')?.offset ?? 0) + 1;
    const edges = leaves.flatMap(({ offset, length }) => [offset, offset + 1, offset + length - 1]);
    const lengths = new Set(edges.filter((length) => length < report.size).slice(0, count / 2));
    while (lengths.size < count) lengths.add(Math.floor(random() * report.size));
    for (const length of lengths) {
      const holes = file.holes.filter(([start]) => start < length);
      const cut = { bytes: file.bytes.subarray(0, length), holes };
      const verdict = await judged(cut, null, `${name} cut to ${length}`, tally);
      // Cut right behind the EOF, it is a whole stream without a description: legal.
      if (verdict.kind !== 'refused')
        expect(verdict.report.complete, `${name} cut to ${length}`).toBe(length === eofEnd);
    }
    expect(tally.refused + tally.reported + tally.clean).toBe(count);
    expect(tally.reported).toBeGreaterThan(count / 2);
  });
});

const VALUES = [0n, 1n, 2n ** 31n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

describe('every header field set to 0, 1, its maximum, 2^31, 2^53, 2^63 and 2^64 − 1', () => {
  it.each(['mapped-ram', 'libvirt', 'legacy'])('of %s: refused, reported, or nothing moves', async (name) => {
    const one = sample(name);
    const tally = newTally();
    let fields = 0;
    for (const leaf of one.leaves) {
      if (leaf.source === null || !/^u\d+/.test(leaf.source)) continue;
      fields++;
      const max = 2n ** BigInt(leaf.length * 8) - 1n;
      for (const value of new Set([...VALUES.filter((candidate) => candidate <= max), max])) {
        const written = bigEndian(value, leaf.length);
        if (leaf.source.includes('little')) written.reverse();
        await judgedWith(one, leaf.offset, written, `${name}: ${leaf.id} = ${value}`, tally);
      }
    }
    expect(fields).toBeGreaterThan(150);
    expect(tally.reported + tally.refused).toBeGreaterThan(fields);
  });
});

describe('offsets that overlap or refer to themselves', () => {
  const setting = async (block: string, field: 'bitmap offset' | 'pages offset', value: number): Promise<Verdict> => {
    const one = sample('mapped-ram');
    const leaf = one.leaves.find(({ id }) => id === `ram/${block}/header/${field}`);
    if (leaf === undefined) throw new Error(`no ${field} of ${block}`);
    const what = `${field} of ${block} = ${value}`;
    return judgedWith(one, leaf.offset, bigEndian(BigInt(value), 8), what, newTally());
  };
  const block = (name: string): Required<InspectReport['ramBlocks'][number]> => {
    const found = sample('mapped-ram').report.ramBlocks.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`no block ${name}`);
    return found;
  };

  it('a bitmap in its own header', async () => {
    expect(codesOf(await setting('pc.ram', 'bitmap offset', Number(block('pc.ram').headerOffset)))).toContain(
      'overlap',
    );
  });

  it('a bitmap in its own pages', async () => {
    expect(codesOf(await setting('pc.ram', 'bitmap offset', Number(block('pc.ram').pagesOffset)))).toContain('overlap');
  });

  it('a bitmap in the bitmap of another block', async () => {
    const { bitmapOffset } = block('pc.ram');
    expect(codesOf(await setting('pc.bios', 'bitmap offset', Number(bitmapOffset)))).toContain('overlap');
  });

  it('a bitmap over the end of the file', async () => {
    const { size } = sample('mapped-ram').report;
    expect(codesOf(await setting('pc.ram', 'bitmap offset', size - 1))).toContain('truncated');
  });

  it('pages in their own header, so that the next record would be found before this one', async () => {
    expect(codesOf(await setting('pc.ram', 'pages offset', Number(block('pc.ram').headerOffset)))).toContain(
      'bad-value',
    );
    expect(codesOf(await setting('pc.bios', 'pages offset', Number(block('pc.ram').pagesOffset)))).toContain(
      'bad-value',
    );
  });

  it('pages in their own bitmap', async () => {
    const { bitmapOffset } = block('pc.ram');
    expect(codesOf(await setting('pc.ram', 'pages offset', Number(bitmapOffset)))).toContain('overlap');
  });

  it('pages that leave the next record where it is not', async () => {
    const { pagesOffset } = block('pc.ram');
    expect(codesOf(await setting('pc.ram', 'pages offset', Number(pagesOffset) + 4096))).toContain('bad-value');
  });

  it('pages that are not aligned', async () => {
    const { pagesOffset } = block('pc.ram');
    const verdict = await setting('pc.ram', 'pages offset', Number(pagesOffset) + 1);
    expect(verdict.kind === 'refused' ? '' : verdict.report.problems[0]?.message).toMatch(/is not a multiple of 4096/);
  });
});

/** One change to a file, in place: its length stays. */
type Mutation = (bytes: Uint8Array, at: number, random: () => number) => readonly [offset: number, bytes: Uint8Array];

const upTo = (random: () => number, most: number): number => 1 + Math.floor(random() * most);

const MUTATIONS: readonly Mutation[] = [
  (bytes, at, random) => [at, Uint8Array.of((bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8)))],
  (_, at, random) => [at, Uint8Array.of(Math.floor(random() * 256))],
  (_, at, random) => [at, new Uint8Array(upTo(random, 64))],
  (_, at, random) => [at, new Uint8Array(upTo(random, 16)).fill(0xff)],
  (_, at, random) => [at, Uint8Array.from({ length: upTo(random, 32) }, () => Math.floor(random() * 256))],
  (bytes, at, random) => {
    const from = Math.floor(random() * bytes.length);
    return [at, bytes.slice(from, from + upTo(random, 200))];
  },
];

describe('random mutations', () => {
  it.each([
    ['mapped-ram', 7000],
    ['libvirt', 1000],
    ['legacy', 2000],
  ] as const)(
    'of %s, %i of them: refused, reported, or nothing moves',
    async (name, count) => {
      const one = sample(name);
      const { file, leaves } = one;
      const random = randomFrom(20260101 + count);
      const tally = newTally();
      // Pages are most of the file and matter least: nine in ten mutations hit structures.
      const targets = leaves.filter(({ kind, length }) => length > 0 && kind !== 'pages' && kind !== 'padding');
      const pick = (): number => {
        const leaf = random() < 0.9 ? targets[Math.floor(random() * targets.length)] : undefined;
        return leaf === undefined
          ? Math.floor(random() * file.bytes.length)
          : leaf.offset + Math.floor(random() * leaf.length);
      };
      for (let round = 0; round < count; round++) {
        const at = pick();
        const mutate = MUTATIONS[Math.floor(random() * MUTATIONS.length)];
        if (mutate === undefined) throw new Error('no mutation');
        const [offset, bytes] = mutate(file.bytes, at, random);
        const fitting = bytes.subarray(0, file.bytes.length - offset);
        await judgedWith(
          one,
          offset,
          fitting,
          `${name}, mutation ${round}: ${fitting.length} bytes at ${offset}`,
          tally,
        );
      }
      expect(tally.refused + tally.reported + tally.clean).toBe(count);
      expect(tally.reported).toBeGreaterThan(count / 10);
      expect(tally.clean).toBeGreaterThan(count / 100);
      console.log(`${name}: ${JSON.stringify(tally)}`);
    },
    120_000,
  );
});
