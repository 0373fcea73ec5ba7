/**
 * A VM's screen as a picture, taken so that taking it cannot harm the VM.
 *
 * QEMU can write PNG itself, but when a write fails, say because the disk is full, its libpng ends the whole process
 * ("libpng error: Write Error", QEMU 10.0.2). Its PPM writer reports the error instead. So QEMU writes PPM, and the PNG is
 * made here.
 */
import { constants, open, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { crc32, deflate, constants as zlib } from 'node:zlib';
import type { Qmp } from '../services';

/** An 8K screen has 100 MB. */
const MAX_BYTES = 128 * 1024 * 1024;
const compress = promisify(deflate);

/** Has QEMU write its screen to `path`, which QEMU opens itself: absolute, and removed by the caller. */
export async function writeScreen(qmp: Qmp, path: string, limitMs: number): Promise<void> {
  await qmp.execute('screendump', { filename: path, format: 'ppm' }, { timeoutMs: limitMs });
}

/** A chunk: length, type, data, CRC of type and data (PNG specification, 5.3). */
function chunk(type: string, data: Uint8Array): Buffer {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, 'latin1');
  out.set(data, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}

/**
 * The VM's screen as PNG, or null when what QEMU wrote is no picture. `rawPath` is where QEMU puts it for a moment: absolute,
 * and gone afterwards. Rejects as `Qmp.execute` does and with Node's own errors. For pictures taken every second, so it
 * compresses fast rather than well.
 */
export async function takeScreen(qmp: Qmp, rawPath: string, limitMs: number): Promise<Buffer | null> {
  try {
    await writeScreen(qmp, rawPath, limitMs);
    const ppm = await readRaw(rawPath);
    return ppm === null ? null : await ppmToPng(ppm, zlib.Z_BEST_SPEED);
  } finally {
    await rm(rawPath, { force: true });
  }
}

/** A regular file that may be a picture; null for what is too large to be one. */
async function readRaw(path: string): Promise<Buffer | null> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const info = await handle.stat();
    return info.isFile() && info.size <= MAX_BYTES ? await handle.readFile() : null;
  } finally {
    await handle.close();
  }
}

/** A binary PPM with 8 bits per colour as PNG; null when it is something else, or cut off. Compresses off the event loop. */
export async function ppmToPng(ppm: Buffer, level: number = zlib.Z_DEFAULT_COMPRESSION): Promise<Buffer | null> {
  const header = /^P6\s+(\d{1,5})\s+(\d{1,5})\s+255\s/.exec(ppm.subarray(0, 32).toString('latin1'));
  const [width, height] = [Number(header?.[1]), Number(header?.[2])];
  const start = header?.[0].length ?? 0;
  const stride = width * 3;
  if (!(width > 0 && height > 0) || stride * height > MAX_BYTES || ppm.length < start + stride * height) return null;
  // Each row begins with its filter: 0, none.
  const rows = Buffer.alloc((stride + 1) * height);
  for (let row = 0; row < height; row += 1)
    ppm.copy(rows, row * (stride + 1) + 1, start + row * stride, start + (row + 1) * stride);
  const size = Buffer.alloc(13);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(height, 4);
  size.set([8, 2], 8); // 8 bits per sample, RGB
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', size),
    chunk('IDAT', await compress(rows, { level })),
    chunk('IEND', new Uint8Array()),
  ]);
}
