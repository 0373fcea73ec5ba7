import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ROOT } from './say.mjs';

const S_IFMT = 0o170000;
const S_IFLNK = 0o120000;

/**
 * Unpacks a zip file. yauzl refuses names that lead out of the folder; a symbolic link is refused here.
 * @param {string} zip
 * @param {string} into
 * @param {(name: string) => string | null} rename   the name to unpack an entry under, or null to leave it out
 */
export async function unzip(zip, into, rename) {
  /** @type {typeof import('yauzl')} */
  const yauzl = createRequire(join(ROOT, 'package.json'))('yauzl');
  /** @type {import('yauzl').ZipFile} */
  const file = await new Promise((resolve, reject) => {
    yauzl.open(zip, { lazyEntries: true }, (error, opened) => (error ? reject(error) : resolve(opened)));
  });
  await new Promise((resolve, reject) => {
    file.on('error', reject).on('end', resolve);
    file.on('entry', (/** @type {import('yauzl').Entry} */ entry) => {
      unpackEntry(file, entry, into, rename).then(() => file.readEntry(), reject);
    });
    file.readEntry();
  });
}

/**
 * @param {import('yauzl').ZipFile} file
 * @param {import('yauzl').Entry} entry
 * @param {string} into
 * @param {(name: string) => string | null} rename
 */
async function unpackEntry(file, entry, into, rename) {
  const name = entry.fileName.endsWith('/') ? null : rename(entry.fileName);
  if (name === null) return;
  const mode = entry.externalFileAttributes >>> 16;
  if ((mode & S_IFMT) === S_IFLNK) throw new Error(`${entry.fileName} is a symbolic link`);
  const target = join(into, name);
  await mkdir(dirname(target), { recursive: true });
  /** @type {import('node:stream').Readable} */
  const content = await new Promise((resolve, reject) => {
    file.openReadStream(entry, (error, stream) => (error ? reject(error) : resolve(stream)));
  });
  await pipeline(content, createWriteStream(target, { mode: mode & 0o777 || 0o644 }));
}
