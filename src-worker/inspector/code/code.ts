/** Machine code of an open file: see `InspectorCodeApi`. */
import { hex } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import {
  CODE_MODES,
  MAX_INSTRUCTIONS,
  type CodeMode,
  type CodeQuery,
  type Disassembly,
  type InspectorCodeApi,
} from '@shared/contracts/inspector-code';
import { codeModeOf, type FoundMode } from '@shared/guest/code-mode';
import { guestPhysicalOf, placeOfAddress } from '@shared/ram-map/places';
import { createCpus, type Cpus } from '../../snapshot/cpus';
import type { InspectorService, Opened } from '../service';
import { loadDecoder } from './capstone';
import { readCode, type CodeBytes } from './code-bytes';
import { codeAlignment, longestCode, readInstructions } from './instructions';

/** CPUs have numbers below this. */
const MOST_CPUS = 65_536;

/** What addresses instructions name, and how such an address is found in the file. */
interface AddressSpace {
  readonly kind: Disassembly['addresses'];
  readonly address: bigint;
  locate(address: bigint): Promise<number | null>;
}

export function createInspectorCode({ opened }: Pick<InspectorService, 'opened'>): InspectorCodeApi {
  let cpus: Cpus | null = null;
  return {
    disassemble: async (query) => {
      const file = await opened();
      const checked = checkedQuery(query, file.file.size);
      if (file.snapshot !== null) cpus ??= createCpus(file.snapshot);
      const mode = await modeFor(file, cpus, checked);
      return disassembleAt(file, checked, mode);
    },
  };
}

async function modeFor({ file }: Opened, cpus: Cpus | null, { mode, cpu }: CodeQuery): Promise<FoundMode> {
  if (mode !== null) return { mode, why: 'Chosen here.' };
  const registers = (await cpus?.all())?.get(cpu) ?? null;
  return codeModeOf(registers, file.report?.machine ?? null, cpu);
}

async function disassembleAt(opened: Opened, query: CodeQuery, { mode, why }: FoundMode): Promise<Disassembly> {
  const decode = await loadDecoder();
  const back = query.offset % codeAlignment(mode);
  const space = await spaceOf(opened, query, back);
  const { count } = query;
  const length = longestCode(mode, count);
  const code = await readCode(opened, query.offset - back, length, space.kind === 'guest-virtual' ? space : null);
  const read = readInstructions(decode, mode, code.bytes, space.address, count);
  const instructions = await Promise.all(
    read.map(async ({ at, length: size, text, target }) => ({
      offset: placeOf(code, at),
      bytes: code.bytes.slice(at, at + size),
      text,
      target: target === null ? null : { address: hex(target), fileOffset: await space.locate(target) },
    })),
  );
  const last = read.at(-1);
  const left = code.bytes.length - (last === undefined ? 0 : last.at + last.length);
  return { mode, why, addresses: space.kind, instructions, end: read.length === count ? null : ending(code, left) };
}

function ending({ end }: CodeBytes, left: number): string {
  const cut = left === 0 ? '' : `${left} ${left === 1 ? 'byte makes' : 'bytes make'} no whole instruction. `;
  return `${cut}${end ?? ''}`.trim();
}

/** Where byte `at` of the code is in the file. */
function placeOf({ stretches }: CodeBytes, at: number): number {
  const stretch = stretches.findLast((one) => one.at <= at);
  return stretch === undefined ? 0 : stretch.offset + (at - stretch.at);
}

/** `back`: bytes that the code begins before the offset. */
async function spaceOf(opened: Opened, query: CodeQuery, back: number): Promise<AddressSpace> {
  const virtual = query.address === null ? null : virtualSpace(opened, query.cpu, BigInt(query.address) - BigInt(back));
  const start = query.offset - back;
  if (virtual !== null && (await virtual.locate(virtual.address)) === start) return virtual;
  return physicalSpace(opened, start) ?? fileSpace(opened, start);
}

function virtualSpace({ places }: Opened, cpu: number, address: bigint): AddressSpace | null {
  if (places === null) return null;
  const locate = async (one: bigint): Promise<number | null> => {
    try {
      return (await places.translator.ask({ kind: 'gva', gva: hex(one), cpu })).fileOffset;
    } catch {
      // A CPU without registers, or a file without a RAM map: it is then known where nothing is.
      return null;
    }
  };
  return { kind: 'guest-virtual', address, locate };
}

function physicalSpace({ regions, file }: Opened, offset: number): AddressSpace | null {
  const region = regions.find(
    ({ pagesOffset, pagesTotal, pageSize }) => offset >= pagesOffset && offset < pagesOffset + pagesTotal * pageSize,
  );
  if (region === undefined) return null;
  const address = guestPhysicalOf(file.ramMap, region.block, offset - region.pagesOffset);
  if (address === null) return null;
  const locate = (one: bigint): Promise<number | null> => {
    const place = one > BigInt(Number.MAX_SAFE_INTEGER) ? null : placeOfAddress(file.ramMap, Number(one));
    const there = regions.find(({ block }) => block === place?.block);
    return Promise.resolve(place === null || there === undefined ? null : there.pagesOffset + place.offset);
  };
  return { kind: 'guest-physical', address: BigInt(address), locate };
}

function fileSpace({ file }: Opened, offset: number): AddressSpace {
  const locate = (one: bigint): Promise<number | null> => Promise.resolve(one < BigInt(file.size) ? Number(one) : null);
  return { kind: 'file offset', address: BigInt(offset), locate };
}

// --- arguments: they come from another process ---------------------------------------------------------------------

function checkedQuery(query: unknown, size: number): CodeQuery {
  if (typeof query !== 'object' || query === null) throw refusal('query', 'a question');
  const { offset, count, cpu, mode, address } = query as Readonly<Record<string, unknown>>;
  if (!isWhole(offset) || offset >= size) throw refusal('offset', 'an offset in the file');
  if (!isWhole(count) || count < 1 || count > MAX_INSTRUCTIONS) throw refusal('count', `1 … ${MAX_INSTRUCTIONS}`);
  if (!isWhole(cpu) || cpu >= MOST_CPUS) throw refusal('cpu', 'the number of a CPU');
  if (mode !== null && !isMode(mode)) throw refusal('mode', CODE_MODES.join(', '));
  if (address !== null && !(typeof address === 'string' && /^0x[\da-f]{1,16}$/i.test(address)))
    throw refusal('address', 'a guest-virtual address');
  return { offset, count, cpu, mode, address };
}

const isMode = (value: unknown): value is CodeMode => CODE_MODES.some((mode) => mode === value);

const isWhole = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

const refusal = (name: string, must: string): Error =>
  fail('usage', 'asking the inspector', `${name} must be ${must}`, 'Report this.');
