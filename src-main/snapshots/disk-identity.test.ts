import { open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeTempDir, removeTempDir } from '../../test/support/temp';
import { differences, identify, tellsWrites } from './disk-identity';
import { checkDisks } from './restore/disks';

let folder: string;
beforeEach(async () => {
  folder = await makeTempDir();
});
afterEach(() => removeTempDir(folder));

const node = (path: string) => ({ node: 'disk0', path, format: 'raw', writable: true });

/** A block device of this host. Its size stands in sysfs; whether its bytes may be read differs from host to host. */
async function someDevice(): Promise<{
  readonly path: string;
  readonly size: number;
  readonly readable: boolean;
} | null> {
  for (const name of await readdir('/sys/class/block').catch(() => [])) {
    const path = join('/dev', name);
    const size = Number(await readFile(join('/sys/class/block', name, 'size'), 'utf8')) * 512;
    const isThere = await stat(path).then(
      (info) => info.isBlockDevice(),
      () => false,
    );
    if (!isThere || size === 0) continue;
    const handle = await open(path, 'r').catch(() => null);
    await handle?.close();
    return { path, size, readable: handle !== null };
  }
  return null;
}
const device = await someDevice();

it.skipIf(device === null)(
  'a block device has its size and header, and a note says what they cannot tell',
  async () => {
    const { path, size, readable } = device as NonNullable<typeof device>;
    const then = await identify(node(path));
    expect(then.size).toBe(size);
    if (readable) expect(then.headerSha256).toMatch(/^[0-9a-f]{64}$/);
    else expect(then.headerSha256).toBeNull();
    expect(tellsWrites(then)).toBe(false);
    const [finding] = await checkDisks([then]);
    expect(finding).toMatchObject({ code: 'disk', level: 'note', key: path });
    expect(finding?.text).toContain(`${path} is a block device`);
    const [changed] = await checkDisks([{ ...then, headerSha256: '0'.repeat(64) }]);
    expect(changed).toMatchObject({ code: 'disk-written', level: 'ask' });
    expect(differences({ ...then, size: 512 }, then)).toHaveLength(1);
  },
);

it('a file tells a write by its time', async () => {
  const path = join(folder, 'disk.raw');
  await writeFile(path, 'a');
  const then = await identify(node(path));
  expect(tellsWrites(then)).toBe(true);
  expect(differences(then, { ...then, mtimeMs: then.mtimeMs + 1 })).toHaveLength(1);
});
