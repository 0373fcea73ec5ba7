import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemorySource } from '../../src-shared/bytes/memory-source';
import { fileOffset } from '../../src-shared/bytes/units';
import type { StructureNode } from '../../src-shared/contracts/inspect';
import { describeState } from '../../src-shared/stream/described';
import { deviceNode, eachPart, type DeviceData, type FieldNode } from '../../src-shared/stream/device-fields';
import { fieldsJson } from '../../src-shared/stream/field-json';
import { JsonMembers, parseRepeatingJson } from '../../src-shared/stream/repeating-json';
import { readDevices } from '../../src-worker/snapshot/devices';
import { openSnapshot } from '../../src-worker/snapshot/open';
import { structureTree } from '../../src-worker/snapshot/tree';
import { deviceTrees } from '../../src-worker/snapshot/tree-fields';
import { makeFile } from '../fixtures/migration-files';
import { readFileWithHoles, type FileInMemory } from '../support/file-in-memory';
import { makeTempDir, removeTempDir } from '../support/temp';
import { randomFrom } from './judge';

const MOST_MEMORY = 300 * 1024 * 1024;
const MOST_VALUES = 2_000;
const CUT = 'There are more fields from here on than are listed.';
/** CPU time; a source in memory never waits. */
const LONGEST_MS = 3000;

interface Sample {
  readonly file: FileInMemory;
  /** The description's text and where it is. */
  readonly text: { readonly offset: number; readonly json: string };
  /** Devices with their description and their bytes. */
  readonly devices: readonly { readonly json: string; readonly bytes: Uint8Array; readonly offset: number }[];
}

let sample: Sample;
let rssBefore = 0;

beforeAll(async () => {
  const folder = await makeTempDir('sfn');
  try {
    const argv = ['-M', 'q35', '-m', '4', '-device', 'qemu-xhci', '-device', 'virtio-rng', '-device', 'uefi-vars-x64'];
    const { path } = await makeFile({ title: 'fields', argv, migrate: { mappedRam: true } }, folder, 'fields');
    sample = await sampleOf(await readFileWithHoles(path));
  } finally {
    await removeTempDir(folder);
  }
  rssBefore = process.memoryUsage.rss();
}, 60_000);

afterAll(() => {
  const grew = process.memoryUsage.rss() - rssBefore;
  console.log(`memory grew by ${Math.round(grew / 1e6)} MB`);
  expect(grew).toBeLessThan(MOST_MEMORY);
});

async function sampleOf(file: FileInMemory): Promise<Sample> {
  const { stream } = await openSnapshot(new MemorySource(file.bytes, 'sample', file.holes));
  const { description, sections } = stream;
  if (description === null) throw new Error('no description');
  const { offset, length } = description.text;
  const json = Buffer.from(file.bytes.subarray(offset, offset + length)).toString();
  const described = (JSON.parse(json) as { devices: object[] }).devices;
  const devices = sections
    .filter(({ type }) => type === 'full')
    .map(({ data }, index) => ({
      json: JSON.stringify(described[index]),
      bytes: file.bytes.slice(data.offset, data.offset + data.length),
      offset: data.offset,
    }));
  return { file, text: { offset, json }, devices };
}

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/**
 * Takes a device apart by a description, as JSON and as a tree. Whatever the description says: no error, a bounded number
 * of values, and leaves that cover the device's bytes once, in order. Returns what is found wrong.
 */
function takeApart(text: string, bytes: Uint8Array, offset: number, values = MOST_VALUES): readonly string[] {
  const json = parseRepeatingJson(text);
  if (!(json instanceof JsonMembers)) return ['no description'];
  const node = deviceNode('device', describeState(json), fileOffset(offset), bytes.length);
  const data: DeviceData = { offset: fileOffset(offset), bytes };
  const problems = node.problem === null ? [] : [node.problem];
  const budget = { values, onProblem: (_: number, what: string) => void problems.push(what) };
  JSON.stringify(fieldsJson(node, data, budget));
  const walk = { end: offset, left: values };
  cover(node, data, walk);
  if (walk.left > 0 && walk.end !== offset + bytes.length) throw new Error(`the tree ends at ${walk.end}`);
  return problems;
}

function cover(node: FieldNode, data: DeviceData, walk: { end: number; left: number }): void {
  let parts = 0;
  for (const part of eachPart(node, data)) {
    if (walk.left-- <= 0) return;
    parts++;
    cover(part, data, walk);
  }
  if (parts > 0) return;
  if (node.offset !== walk.end) throw new Error(`${node.name} is at ${node.offset}, not at ${walk.end}`);
  walk.end += node.length;
}

type Random = () => number;
const pick = <T>(items: readonly T[], random: Random): T => {
  const found = items[Math.floor(random() * items.length)];
  if (found === undefined) throw new Error('nothing to pick from');
  return found;
};

/** Values that a hostile description may have anywhere. */
const STRANGE: readonly unknown[] = [
  ...[0, 1, 2, -1, 0.5, 255, 4096, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e300, null, true, '', 'x', [], {}],
  ...[
    'struct',
    'qtailq',
    'gtree',
    'nullptr',
    'uint64',
    'bool',
    'timer',
    '__proto__',
    'constructor',
    'toString',
    'fields',
  ],
];

/** Every object inside a description, itself included. */
function objectsIn(value: unknown): Record<string, unknown>[] {
  if (Array.isArray(value)) return value.flatMap(objectsIn);
  if (typeof value !== 'object' || value === null) return [];
  const object = value as Record<string, unknown>;
  return [object, ...Object.values(object).flatMap(objectsIn)];
}

/** Changes one thing in one object of a description. */
function mutate(description: unknown, random: Random): void {
  const objects = objectsIn(description);
  const object = pick(objects, random);
  const keys = Object.keys(object);
  const key =
    keys.length === 0 || random() < 0.2
      ? pick(['array_len', 'index', 'size', 'struct', 'fields'], random)
      : pick(keys, random);
  const value = object[key];
  const choice = random();
  if (choice < 0.3) object[key] = structuredClone(pick(STRANGE, random));
  else if (choice < 0.4) Reflect.deleteProperty(object, key);
  else if (choice < 0.6 && typeof value === 'number') object[key] = value + Math.floor(random() * 9) - 4;
  else if (choice < 0.8 && Array.isArray(value)) {
    const at = Math.floor(random() * (value.length + 1));
    if (random() < 0.5) value.splice(at, 1);
    else value.splice(at, 0, structuredClone(pick(objects, random)));
  } else object[key] = structuredClone(pick(objects, random));
}

describe('mutated descriptions of real devices', () => {
  it('10,000 of them: no error, bounded work, and the tree covers the bytes', () => {
    const random = randomFrom(20260401);
    let [wrong, clean] = [0, 0];
    for (let round = 0; round < 10_000; round++) {
      const { json, bytes, offset } = pick(sample.devices, random);
      const description = JSON.parse(json) as unknown;
      for (let times = 1 + Math.floor(random() * 3); times > 0; times--) mutate(description, random);
      const before = cpuMs();
      const problems = takeApart(JSON.stringify(description), bytes, offset);
      expect(cpuMs() - before, `round ${round}`).toBeLessThan(LONGEST_MS);
      if (problems.some((problem) => problem !== CUT)) wrong++;
      else clean++;
    }
    console.log(`${wrong} found wrong, ${clean} not`);
    expect(wrong).toBeGreaterThan(4_000);
    expect(clean).toBeGreaterThan(500);
  }, 120_000);

  it('unchanged, nothing is wrong with any', () => {
    for (const { json, bytes, offset } of sample.devices) expect(takeApart(json, bytes, offset, 100_000)).toEqual([]);
  });

  it('text mutated byte by byte: an error of syntax, or as above', () => {
    const random = randomFrom(7);
    let syntax = 0;
    for (let round = 0; round < 2_000; round++) {
      const { json, bytes, offset } = pick(sample.devices, random);
      const at = Math.floor(random() * json.length);
      const text = `${json.slice(0, at)}${pick('{}[]",:0123456789\\ eE-'.split(''), random)}${json.slice(at + Math.floor(random() * 3))}`;
      try {
        takeApart(text, bytes, offset);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
        syntax++;
      }
    }
    expect(syntax).toBeGreaterThan(200);
  });
});

describe('whole files', () => {
  it('with 60 mutations in the description or in the devices: answers of bounded size, never another error than a typed one', async () => {
    const random = randomFrom(99);
    const { file, text, devices } = sample;
    for (let round = 0; round < 60; round++) {
      const device = pick(devices, random);
      const inText = random() < 0.6 || device.bytes.length === 0;
      const offset = inText
        ? text.offset + Math.floor(random() * text.json.length)
        : device.offset + Math.floor(random() * device.bytes.length);
      const kept = file.bytes[offset] ?? 0;
      file.bytes[offset] = inText
        ? pick(Array.from('0123456789]}",:['), random).charCodeAt(0)
        : Math.floor(random() * 256);
      const before = cpuMs();
      const snapshot = await openSnapshot(new MemorySource(file.bytes, 'hostile', file.holes));
      const ids = new Set(allIds(structureTree(snapshot)));
      for (let from: number | null = 0; from !== null;) from = (await readDevices(snapshot, from)).next;
      for (let from: number | null = 0; from !== null;) {
        const page = await deviceTrees(snapshot, from);
        for (const { id } of page.trees) expect(ids.has(id)).toBe(true);
        from = page.next;
      }
      expect(cpuMs() - before, `round ${round}`).toBeLessThan(LONGEST_MS);
      file.bytes[offset] = kept;
    }
  }, 120_000);

  it('an array of 2^40 elements in 16 MiB of device state is cut, and says so', () => {
    const bytes = new Uint8Array(16 * 1024 * 1024);
    const inner = { fields: Array.from({ length: 100 }, (_, at) => ({ name: `f${at}`, type: 'buffer', size: 0 })) };
    const struct = {
      name: 's',
      type: 'struct',
      size: 1,
      array_len: 2 ** 24,
      struct: { fields: [{ name: 'b', type: 'uint8', size: 1 }, ...inner.fields] },
    };
    const before = cpuMs();
    const problems = takeApart(JSON.stringify({ fields: [struct] }), bytes, 0);
    expect(problems).toContain(CUT);
    expect(takeApart(JSON.stringify({ fields: [{ ...struct, array_len: 2 ** 40 }] }), bytes, 0)).toHaveLength(1);
    expect(cpuMs() - before).toBeLessThan(LONGEST_MS);
  });
});

const allIds = (nodes: readonly StructureNode[]): string[] =>
  nodes.flatMap(({ id, children }) => [id, ...allIds(children)]);
