/** A block of RAM with a content as of a guest in use, as a plain file and as a mapped-ram file with every page present. */
import { randomBytes } from 'node:crypto';
import { open, readFile, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { buildStream } from '../support/stream-builder';

const MIB = 1024 * 1024;
const STEP = 4 * MIB;
const PIECE = MIB;

export interface SearchFiles {
  readonly raw: string;
  readonly mapped: string;
}

/** Makes both files, or takes those that an earlier run left. `planted` is put somewhere in each 4 MiB. */
export async function makeSearchFiles(folder: string, gib: number, planted: string): Promise<SearchFiles> {
  const files = { raw: join(folder, `raw-${gib}`), mapped: join(folder, `mapped-${gib}`) };
  const bytes = gib * 1024 * MIB;
  const known = await stat(files.mapped).catch(() => null);
  if (known !== null && known.size > bytes) return files;
  const random = randomNumbers();
  const kinds = await contents(random);
  const { head, tail, pagesOffset } = streamAround(bytes);
  const raw = await open(files.raw, 'w');
  const mapped = await open(files.mapped, 'w');
  try {
    await mapped.write(head, 0, head.length, 0);
    const step = Buffer.alloc(STEP);
    for (let at = 0; at < bytes; at += STEP) {
      for (let piece = 0; piece < STEP; piece += PIECE) {
        const kind = kinds[random(kinds.length)] ?? step;
        const from = random((kind.length - PIECE) / 4096) * 4096;
        kind.copy(step, piece, from, from + PIECE);
      }
      step.write(planted, random(STEP - planted.length), 'latin1');
      await writeAll(raw, step, at);
      await writeAll(mapped, step, pagesOffset + at);
    }
    await writeAll(mapped, tail, pagesOffset + bytes);
  } finally {
    await raw.close();
    await mapped.close();
  }
  return files;
}

async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  }
}

function randomNumbers(): (below: number) => number {
  let state = 12345;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor(state / 256) % below;
  };
}

const WORDS =
  'the quick kernel module driver page memory allocation of struct inode device error failed with status linux usr lib share python import return function static const char void int unsigned long size_t buffer length offset';

/** Text, machine code, pointers with small numbers, and noise: 8 MiB of each, some more often. */
async function contents(random: (below: number) => number): Promise<readonly Buffer[]> {
  const text = Buffer.alloc(8 * MIB, 0x20);
  const words = WORDS.split(' ');
  for (let at = 0; at < text.length - 20;) {
    at += text.write(`${words[random(words.length)] ?? ''}${random(9) === 0 ? '\n' : ' '}`, at, 'latin1');
  }
  const pointers = Buffer.alloc(8 * MIB);
  for (let at = 0; at < pointers.length; at += 8) {
    if (random(3) > 0) pointers.writeBigUInt64LE(0xffff888000000000n + BigInt(random(2 ** 24) * 64), at);
    else pointers.writeUInt32LE(random(500), at);
  }
  const program = await readFile(process.execPath);
  const code = program.subarray(16 * MIB, 24 * MIB);
  return [text, randomBytes(8 * MIB), pointers, code, code, pointers, text, code];
}

/** A stream with one block of that length, without its pages: what stands before them and behind them. */
function streamAround(bytes: number): {
  readonly head: Buffer;
  readonly tail: Buffer;
  readonly pagesOffset: number;
} {
  // The same stream with a block of one page has the same tail; its length fields are then put right.
  const bitmapBytes = bytes / 4096 / 8;
  const small = Buffer.from(buildStream({ blocks: [{ name: 'pc.ram', usedLength: 4096, present: [] }] }));
  const record = small.indexOf('pc.ram') + 'pc.ram'.length;
  const smallPages = Number(small.readBigUInt64BE(record + 8 + 20));
  const tail = small.subarray(smallPages + 4096);
  const bitmapOffset = record + 8 + 28;
  const pagesOffset = Math.ceil((bitmapOffset + bitmapBytes) / MIB) * MIB;
  const head = Buffer.concat([small.subarray(0, bitmapOffset), Buffer.alloc(bitmapBytes, 0xff)]);
  head.writeBigUInt64BE(BigInt(bytes + 4), record - 'pc.ram'.length - 1 - 8);
  head.writeBigUInt64BE(BigInt(bytes), record);
  head.writeBigUInt64BE(BigInt(pagesOffset), record + 8 + 20);
  return { head, tail, pagesOffset };
}
