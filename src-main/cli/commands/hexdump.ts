import { hex } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import { MOST_BYTES_READ, type BytesKind, type BytesPart } from '@shared/contracts/guest-bytes';
import type { RamRange } from '@shared/contracts/library';
import type { WorkerApi } from '@shared/contracts/worker';
import { guestPhysicalOf, placeOfAddress } from '@shared/ram-map/places';
import { fileArgument, position, type FileArgument } from '../arguments';
import { addCommand, type Answer, type CommonOptions, type Desk, type Workplace } from '../command';
import { ramSize } from '../format';
import { withLease, type LentFile } from '../lease';

interface HexdumpOptions extends CommonOptions {
  readonly block?: string;
  readonly offset?: number;
  readonly gpa?: number;
  readonly fileOffset?: number;
  readonly length: number;
}

const DOING = 'reading bytes';
const DEFAULT_LENGTH = 256;
/** Bytes in one JSON document: twice as many digits. */
const MOST_IN_JSON = 64 * MOST_BYTES_READ;
const ROW = 16;

export function addHexdump(desk: Desk): void {
  addCommand(desk, 'hexdump', 'show bytes of the guest’s memory or of the file itself')
    .usage('FILE[,offset=SIZE] --block NAME --offset N | --gpa A | --file-offset N [options]')
    .argument('<file>', 'a mapped-ram file, a snapshot folder, or a snapshot’s name', fileArgument)
    .option('--block <name>', 'RAM block, as inspect names it; with --offset')
    .option('--offset <position>', 'offset in the block: 4096, 0x1000 or 4K', position)
    .option('--gpa <address>', 'a guest-physical address', position)
    .option('--file-offset <position>', 'an offset in the file, whatever stands there', position)
    .option('--length <bytes>', 'how many bytes', position, DEFAULT_LENGTH)
    .addHelpText('after', '\nPages that are not in the file, and holes, are named as such and never shown as zeros.')
    .action((file: FileArgument, options: HexdumpOptions) =>
      desk.answer(options, (workplace) => hexdump(workplace, file, options)),
    );
}

/** Where it begins, and in what its offsets count. */
type Start =
  | { readonly kind: 'block'; readonly block: string; readonly offset: number; readonly map: readonly RamRange[] }
  | { readonly kind: 'file'; readonly offset: number };

interface Part {
  readonly kind: BytesKind;
  readonly block: string | null;
  readonly blockOffset: number | null;
  readonly guestPhysical: number | null;
  readonly fileOffset: number;
  readonly length: number;
  /** null for what is not in the file. */
  readonly hex: string | null;
}

async function hexdump(workplace: Workplace, file: FileArgument, options: HexdumpOptions): Promise<Answer> {
  const { length, json = false } = options;
  if (json && length > MOST_IN_JSON)
    throw refuse(`${length} bytes are too many for one JSON document`, `At most ${MOST_IN_JSON} are.`);
  return withLease(workplace, file, async (worker, lent) => {
    const start = await startOf(worker, lent, options);
    const parts: Part[] = [];
    let count = 0;
    for await (const { part, pagesOffset } of partsFrom(worker, lent, start, length)) {
      count += part.length;
      if (json) parts.push(partOf(start, part, pagesOffset));
      else await workplace.terminal.out(textOf(part, options.gpa === undefined ? 0 : shiftOf(start, options.gpa)));
    }
    return { json: { file: lent.lease.name, length: count, parts }, text: `${count} bytes.`, good: true };
  });
}

async function startOf(worker: WorkerApi, lent: LentFile, options: HexdumpOptions): Promise<Start> {
  const { block, offset, gpa, fileOffset } = options;
  const ways = [gpa !== undefined, fileOffset !== undefined, block !== undefined && offset !== undefined];
  const half = (block === undefined) !== (offset === undefined);
  if (ways.filter(Boolean).length !== 1 || half) {
    throw refuse(
      'Exactly one of --block with --offset, --gpa and --file-offset is needed',
      'stillframe hexdump --help shows them.',
    );
  }
  if (fileOffset !== undefined) return { kind: 'file', offset: fileOffset };
  const { map } = await worker.ramMap(lent.lease, lent.ramMap);
  if (gpa === undefined) return { kind: 'block', block: block ?? '', offset: offset ?? 0, map };
  const place = placeOfAddress(map, gpa);
  if (place !== null) return { kind: 'block', ...place, map };
  throw refuse(
    `no RAM is known at guest-physical ${hex(gpa)}`,
    'stillframe inspect lists the blocks; --block with --offset takes them.',
  );
}

/** The stretches one after another, call by call; a stretch that a call's end cuts comes in parts. */
async function* partsFrom(
  worker: WorkerApi,
  { lease }: LentFile,
  start: Start,
  length: number,
): AsyncGenerator<{ readonly part: BytesPart; readonly pagesOffset: number }> {
  for (let done = 0; done < length;) {
    const at = start.offset + done;
    const most = Math.min(MOST_BYTES_READ, length - done);
    const answer =
      start.kind === 'file'
        ? { ...(await worker.fileBytes(lease, at, most)), pagesOffset: 0 }
        : await worker.guestBytes(lease, start.block, at, most);
    for (const part of answer.parts) yield { part, pagesOffset: answer.pagesOffset };
    const got = answer.parts.reduce((sum, part) => sum + part.length, 0);
    done += got;
    const end = 'size' in answer ? answer.size : answer.blockLength;
    if (got === 0 || start.offset + done >= end) return;
  }
}

function partOf(start: Start, { kind, offset, length, bytes }: BytesPart, pagesOffset: number): Part {
  const inBlock = start.kind === 'block';
  return {
    kind,
    block: inBlock ? start.block : null,
    blockOffset: inBlock ? offset : null,
    guestPhysical: inBlock ? guestPhysicalOf(start.map, start.block, offset) : null,
    fileOffset: pagesOffset + offset,
    length,
    hex: bytes === null ? null : Buffer.from(bytes).toString('hex'),
  };
}

const WORDS: Readonly<Record<BytesKind, string>> = {
  absent: 'in absent pages: zeros in the guest, not in the file',
  lost: 'in pages that the bitmap marks, with a hole under them: a write was lost',
  hole: 'in a hole: not on the disk, read as zeros',
  present: '',
  data: '',
};

/** How far addresses are from the offsets that are read: for guest-physical ones. */
const shiftOf = (start: Start, address: number): number => address - start.offset;

function textOf({ kind, offset, length, bytes }: BytesPart, shift: number): string {
  const address = (at: number): string => (at + shift).toString(16).padStart(12, '0');
  if (bytes === null) return `${address(offset)}  ${ramSize(length)} ${WORDS[kind]}\n`;
  let text = '';
  for (let at = 0; at < bytes.length; at += ROW) {
    const row = Buffer.from(bytes.subarray(at, at + ROW));
    const digits = (from: number): string =>
      (
        row
          .subarray(from, from + 8)
          .toString('hex')
          .match(/../g) ?? []
      )
        .join(' ')
        .padEnd(23);
    text += `${address(offset + at)}  ${digits(0)}  ${digits(8)}  |${row.toString('latin1').replace(/[^ -~]/g, '.')}|\n`;
  }
  return text;
}

const refuse = (what: string, todo: string): Error => fail('usage', DOING, what, todo);
