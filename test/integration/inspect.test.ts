import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Field, Struct } from '../../src-shared/bytes/table';
import { StillframeError } from '../../src-shared/contracts/failure';
import type { InspectReport, StructureNode } from '../../src-shared/contracts/inspect';
import { LAYOUT, type Layout } from '../../src-shared/stream/layout';
import { openPath } from '../../src-worker/io/file-source';
import { inspectSnapshot } from '../../src-worker/snapshot/inspect';
import { openSnapshot } from '../../src-worker/snapshot/open';
import { structureTree } from '../../src-worker/snapshot/tree';
import { FILE_RECIPES, makeFile, type MadeFile } from '../fixtures/migration-files';
import { makeTempDir, removeTempDir } from '../support/temp';

const run = promisify(execFile);
const WALK = join(import.meta.dirname, '../independent/walk.mjs');

let folder = '';
const files = new Map<string, MadeFile>();
const walks = new Map<string, unknown>();

beforeAll(async () => {
  folder = await makeTempDir('sfi');
  for (const [index, recipe] of FILE_RECIPES.entries()) {
    const file = await makeFile(recipe, folder, `${index}.mapped`);
    files.set(recipe.title, file);
    const { path, streamOffset } = file;
    const args = [WALK, path, ...(streamOffset === null ? [] : [String(streamOffset)])];
    walks.set(recipe.title, JSON.parse((await run(process.execPath, args, { maxBuffer: 2 ** 28 })).stdout));
  }
}, 180_000);

afterAll(() => removeTempDir(folder));

function fileOf(title: string): MadeFile {
  const file = files.get(title);
  if (file === undefined) throw new Error(`no file was made for ${title}`);
  return file;
}

async function inspect({ path, streamOffset }: MadeFile, layout: Layout = LAYOUT): Promise<InspectReport> {
  const source = await openPath(path);
  try {
    return await inspectSnapshot(await openSnapshot(source, { streamOffset, layout }));
  } finally {
    await source.close();
  }
}

async function treeOf({ path, streamOffset }: MadeFile): Promise<readonly StructureNode[]> {
  const source = await openPath(path);
  try {
    return structureTree(await openSnapshot(source, { streamOffset }));
  } finally {
    await source.close();
  }
}

const titles = FILE_RECIPES.map(({ title }) => title);

describe('inspect and an independent walk of the same file say the same', () => {
  it.each(titles)('%s', async (title) => {
    expect(await inspect(fileOf(title))).toEqual(walks.get(title));
  });

  it('and the files are what their titles say', () => {
    const report = (title: string): InspectReport => walks.get(title) as InspectReport;
    expect(report('q35 without VGA, paused').machine).toBe('pc-q35-10.0');
    expect(report('pc with VGA, paused').machine).toBe('pc-i440fx-10.0');
    expect(
      report('2 NUMA nodes')
        .ramBlocks.slice(0, 2)
        .map(({ name }) => name),
    ).toEqual(['node0', 'node1']);
    expect(report('file:…,offset=1M').container.streamOffset).toBe(1024 * 1024);
    expect(report('a libvirt sparse image').container.kind).toBe('libvirt');
    expect(report('a legacy stream, live').ramBlocks.every(({ pageSize }) => pageSize === null)).toBe(true);
    expect(report('a legacy stream, live').sections.some(({ type }) => type === 'part')).toBe(true);
    expect(report('q35 with VGA, live').sections.some(({ type }) => type === 'command')).toBe(true);
    expect(report('pc-i440fx-9.2, which writes no COMMAND').sections.some(({ type }) => type === 'command')).toBe(
      false,
    );
    const bitmaps = report('dirty bitmaps, which are sections of their own between those of RAM');
    expect(bitmaps.sections.some(({ name, type }) => name === 'dirty-bitmap' && type === 'end')).toBe(true);
    expect(report('no description').vmDescription).toBeNull();
    const present = report('q35 with VGA, live').ramBlocks.find(({ name }) => name === 'pc.ram')?.pagesPresent;
    expect(present).toBeGreaterThan(0);
  });
});

/** Structures that none of these files holds: they are covered by built streams beside the parser. */
const NOT_IN_FILES = new Set(['targetPageBits', 'blockPageSize']);

interface Alteration {
  readonly title: string;
  readonly layout: Layout;
}

/** Every table of the layout with one number of one field changed by one: its size, or the value it must have. */
function alterations(): readonly Alteration[] {
  return Object.entries(LAYOUT)
    .filter(([key]) => !NOT_IN_FILES.has(key))
    .flatMap(([key, table]: [string, Struct]) =>
      table.fields.flatMap((field, index) =>
        alteredFields(field).map(({ what, altered }) => {
          const fields = table.fields.map((original, at) => (at === index ? altered : original));
          const layout = { ...LAYOUT, [key]: { ...table, fields } };
          return { title: `${table.name}, ${field.name}: ${what}`, layout };
        }),
      ),
    );
}

function alteredFields(field: Field): readonly { what: string; altered: Field }[] {
  const found: { what: string; altered: Field }[] = [];
  if (typeof field.size === 'number') {
    found.push({ what: 'one byte longer', altered: { ...field, size: field.size + 1 } });
  }
  if (field.type === 'uint' && field.is !== null) {
    found.push({ what: `${field.is + 1} for ${field.is}`, altered: { ...field, is: field.is + 1 } });
  }
  return found;
}

describe('the layout tables decide: with one byte of one table altered, inspect and the walk differ', () => {
  it.each(alterations())('$title', async ({ layout }) => {
    for (const title of titles) {
      const report = await inspect(fileOf(title), layout).catch((error: unknown) => {
        expect(error).toBeInstanceOf(StillframeError);
        return null;
      });
      try {
        expect(report).toEqual(walks.get(title));
      } catch {
        return;
      }
    }
    expect.unreachable('no file shows the difference');
  });
});

describe('the structure tree', () => {
  it.each(titles)('of %s accounts for every byte once, by leaves in the order of the file', async (title) => {
    const file = fileOf(title);
    const leaves = leavesOf(await treeOf(file)).sort((a, b) => a.offset - b.offset);
    let end = 0;
    for (const leaf of leaves.filter(({ length }) => length > 0)) {
      expect(`${leaf.id} at ${leaf.offset}`).toBe(`${leaf.id} at ${end}`);
      end = leaf.offset + leaf.length;
    }
    expect(end).toBe((await inspect(file)).size);
  });

  it('gives every node an id of its own, and the deciding fields a target', async () => {
    const nodes = allOf(await treeOf(fileOf('q35 with VGA, live')));
    expect(new Set(nodes.map(({ id }) => id)).size).toBe(nodes.length);
    const decider = nodes.find(({ id }) => id === 'ram/pc.ram/header/pages offset');
    const pages = nodes.find(({ id }) => id === 'ram/pc.ram/pages');
    expect(decider?.pointsTo).toEqual({ offset: pages?.offset, length: pages?.length });
    expect(decider).toMatchObject({ value: '0x100000', source: 'u64 big-endian', kind: 'header' });
  });
});

const leavesOf = (nodes: readonly StructureNode[]): StructureNode[] =>
  nodes.flatMap((node) => (node.children.length === 0 ? [node] : leavesOf(node.children)));

const allOf = (nodes: readonly StructureNode[]): StructureNode[] =>
  nodes.flatMap((node) => [node, ...allOf(node.children)]);
