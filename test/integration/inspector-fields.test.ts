/** Fields of devices as the Inspector asks for them, on a file that QEMU wrote. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StructureNode } from '../../src-shared/contracts/inspect';
import { MAX_CHILDREN, MAX_FOUND, type InspectorPort } from '../../src-shared/contracts/inspector-port';
import { createInspectorService, type InspectorService } from '../../src-worker/inspector/service';
import { makeFile } from '../fixtures/migration-files';
import { devicesOfFile, leaseOf, treeOfFile } from '../support/devices';
import { makeTempDir, removeTempDir } from '../support/temp';

let folder = '';
let path = '';
let service: InspectorService;
let api: InspectorPort;
/** The same tree, whole. */
let whole: ReadonlyMap<string, StructureNode>;

const allOf = (nodes: readonly StructureNode[]): StructureNode[] =>
  nodes.flatMap((node) => [node, ...allOf(node.children)]);

beforeAll(async () => {
  folder = await makeTempDir('sfs');
  const argv = ['-M', 'q35', '-m', '16', '-smp', '2', '-vga', 'std', '-device', 'qemu-xhci'];
  path = (await makeFile({ title: 'q35', argv, migrate: { mappedRam: true, channels: 2 } }, folder, 'q35')).path;
  service = createInspectorService(await leaseOf(path));
  api = service.api;
  whole = new Map(allOf(await treeOfFile(path)).map((node) => [node.id, node]));
});

afterAll(async () => {
  await service.dispose();
  await removeTempDir(folder);
});

/** Everything below a lazy node, asked for call by call. */
async function below(id: string): Promise<readonly StructureNode[]> {
  const nodes: StructureNode[] = [];
  for (let total = 1; nodes.length < total;) {
    const page = await api.children(id, nodes.length);
    expect(page.nodes.length).toBeLessThanOrEqual(MAX_CHILDREN);
    if (page.nodes.length === 0) break;
    for (const { lazy, ...node } of page.nodes) {
      nodes.push({ ...node, children: lazy === true ? await below(node.id) : [] });
    }
    total = page.total;
  }
  return nodes;
}

describe('children', () => {
  it('are those of the whole tree, however they are asked for', async () => {
    const lazy = allOf(await api.tree()).filter((node) => node.lazy === true && node.id.endsWith('/data'));
    expect(lazy.length).toBeGreaterThan(20);
    for (const { id } of lazy) expect(await below(id), id).toEqual(whole.get(id)?.children);
  });

  it('of a CPU’s registers stand for the fields that hold them', async () => {
    const ids = allOf(await api.tree()).filter(({ label, lazy }) => label === 'registers' && lazy === true);
    expect(ids).toHaveLength(2);
    const { nodes, total } = await api.children(ids[0]?.id ?? '', 0);
    expect(total).toBe(nodes.length);
    const [cpu] = (await devicesOfFile(path)).devices.filter(({ name }) => name === 'cpu');
    const bytes = async ({ offset, length }: StructureNode): Promise<string> =>
      `0x${BigInt(`0x${Buffer.from(await api.bytes(offset, length)).toString('hex')}`).toString(16)}`;
    for (const node of nodes) expect(`${node.label} ${await bytes(node)}`).toBe(`${node.label} ${node.value}`);
    const named = new Map(nodes.map(({ label, value }) => [label, value]));
    for (const [name, value] of Object.entries(cpu?.registers ?? {})) {
      const parts =
        typeof value === 'object'
          ? Object.entries(value).map(([part, inner]) => [`${name}.${part}`, inner] as const)
          : [[name, value] as const];
      for (const [label, inner] of parts)
        expect(`${label} ${named.get(label)}`).toBe(`${label} 0x${BigInt(inner).toString(16)}`);
    }
    expect(nodes.find(({ label }) => label === 'rip')?.meaning).toBe('Saved as env.eip.');
  });

  it('of what is no lazy node are none', async () => {
    for (const id of ['stream', 'section/9999/data', 'section/1/data/99999', 'section/1/data/0/0/0', '', '../x']) {
      expect(await api.children(id, 0)).toEqual({ nodes: [], total: 0 });
    }
    await expect(api.children('x'.repeat(300), 0)).rejects.toMatchObject({ failure: { code: 'usage' } });
    await expect(api.children('stream', -1)).rejects.toMatchObject({ failure: { code: 'usage' } });
  });
});

describe('fieldsAt', () => {
  it('tells every field around every byte of every small device', async () => {
    let asked = 0;
    for (const { id, offset, length } of [...whole.values()].filter((node) => node.id.endsWith('/data'))) {
      if (length > 3000 || !id.startsWith('section/')) continue;
      const leaves = allOf(whole.get(id)?.children ?? []).filter(
        (node) => node.children.length === 0 && node.length > 0,
      );
      for (let at = offset; at < offset + length; at++) {
        const chain = await api.fieldsAt(at);
        const leaf = leaves.find((node) => at >= node.offset && at < node.offset + node.length);
        if (leaf === undefined) continue;
        expect(chain.at(-1)?.id, `${id} at ${at}`).toBe(leaf.id);
        expect(chain[0]?.id.startsWith(`${id}/`)).toBe(true);
        asked++;
      }
    }
    expect(asked).toBeGreaterThan(5000);
  });

  it('tells none outside of devices', async () => {
    for (const offset of [0, 0x100000, 2 ** 50]) expect(await api.fieldsAt(offset)).toEqual([]);
  });
});

describe('findFields', () => {
  it.each(['env.eip', 'ENV.EIP', ' env.eip '])('finds %j in both CPUs, with what leads there', async (text) => {
    const { found, more } = await api.findFields(text);
    expect(more).toBe(false);
    expect(found).toHaveLength(2);
    for (const { parent, chain } of found) {
      expect(whole.get(parent)?.label).toBe('data');
      expect(chain.map(({ label }) => label)).toEqual(['env.eip']);
      expect(chain[0]?.id.startsWith(`${parent}/`)).toBe(true);
    }
  });

  it('finds registers, values, and fields that lie deep', async () => {
    expect((await api.findFields('rflags')).found.map(({ parent }) => parent.endsWith('/registers'))).toEqual([
      true,
      true,
    ]);
    expect((await api.findFields('65520 (0xfff0)')).found.some(({ chain }) => chain.at(-1)?.label === 'env.eip')).toBe(
      true,
    );
    const nested = await api.findFields('tmp_mant');
    expect(nested.found.every(({ chain }) => chain.length === 4)).toBe(true);
    expect(nested.found.length).toBeGreaterThanOrEqual(16);
  });

  it('lists a bounded number, and says that there are more', async () => {
    const { found, more } = await api.findFields('0');
    expect(found).toHaveLength(MAX_FOUND);
    expect(more).toBe(true);
    expect(await api.findFields('no such field')).toEqual({ found: [], more: false });
  });
});

it('translates as the command does', async () => {
  expect(await api.translate({ kind: 'register', register: 'rip', cpu: 1 })).toMatchObject({
    gva: '0xfffffff0',
    mapped: true,
    block: 'pc.bios',
  });
  await expect(api.translate({ kind: 'gva', gva: 'rip', cpu: 0 })).rejects.toMatchObject({
    failure: { code: 'usage' },
  });
  await expect(api.translate({ kind: 'gva', gva: '0x0', cpu: -1 })).rejects.toMatchObject({
    failure: { code: 'usage' },
  });
});

it('answers for a file that is no stream, too', async () => {
  const other = createInspectorService(await leaseOf(join(import.meta.dirname, 'inspector-fields.test.ts')));
  try {
    expect(await other.api.children('section/0/data', 0)).toEqual({ nodes: [], total: 0 });
    expect(await other.api.fieldsAt(5)).toEqual([]);
    expect(await other.api.findFields('x')).toEqual({ found: [], more: false });
    await expect(other.api.translate({ kind: 'gva', gva: '0x0', cpu: 0 })).rejects.toMatchObject({
      failure: { code: 'format.not-a-stream' },
    });
  } finally {
    await other.dispose();
  }
});
