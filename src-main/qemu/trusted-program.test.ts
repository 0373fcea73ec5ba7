import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeTempDir, removeTempDir } from '../../test/support/temp';
import { trustedQemu } from './trusted-program';

let folder: string;
beforeEach(async () => {
  folder = await makeTempDir();
});
afterEach(() => removeTempDir(folder));

it.each([
  ['qemu-system-x86_64', 0o755, true],
  ['qemu-kvm', 0o700, true],
  ['qemu-system-x86_64', 0o775, false],
  ['qemu-system-x86_64', 0o757, false],
  ['qemu-img', 0o755, false],
  ['qemu-system-x86_64.sh', 0o755, false],
  ['sh', 0o755, false],
])('a file of this user called %s with mode %o is trusted: %s', async (name, mode, trusted) => {
  const path = join(folder, name);
  await writeFile(path, '');
  await chmod(path, mode);
  expect((await trustedQemu(path)) !== null).toBe(trusted);
});

it('looks at the file behind a link, and trusts no folder and nothing that is not there', async () => {
  const file = join(folder, 'file');
  await writeFile(file, '');
  await chmod(file, 0o777);
  await symlink(file, join(folder, 'qemu-system-arm'));
  await mkdir(join(folder, 'qemu-kvm'), { mode: 0o755 });
  for (const name of ['qemu-system-arm', 'qemu-kvm', 'qemu-system-nowhere'])
    expect(await trustedQemu(join(folder, name))).toBeNull();
});
