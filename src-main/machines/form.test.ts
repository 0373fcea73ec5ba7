import { StillframeError } from '@shared/contracts/failure';
import type { MachineForm } from '@shared/contracts/machines';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { recipeFromForm } from './form';

const form: MachineForm = { name: 'vm', memoryMiB: 512, cpus: 2, accelerator: 'tcg', disk: null, cdrom: null };
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sf-form-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

test('The form becomes a command line that a person could have written', async () => {
  const recipe = await recipeFromForm(form);
  expect(recipe).toMatchObject({ name: 'vm', program: 'qemu-system-x86_64', env: {}, cwd: '/' });
  expect(recipe.argv.join(' ')).toBe(
    '-name guest=vm -machine q35 -accel tcg -cpu max -m 512M -smp 2 -vga std -display none',
  );
});

test.each(['qcow2', 'vmdk', 'vdi', 'vhdx', 'qed', 'raw'])(
  'A disk that qemu-img made as %s is given as that',
  async (format) => {
    const disk = join(folder, 'a,b.img');
    await promisify(execFile)('qemu-img', ['create', '-q', '-f', format, disk, '4M']);
    const { argv, cwd } = await recipeFromForm({ ...form, disk });
    expect(argv).toContain(`file=${folder}/a,,b.img,format=${format},if=virtio`);
    expect(cwd).toBe(folder);
  },
);

test('An ISO is given read-only, and commas in names stay commas', async () => {
  const cdrom = join(folder, 'x.iso');
  await writeFile(cdrom, 'anything');
  const { argv } = await recipeFromForm({ ...form, name: 'a,b', accelerator: 'kvm', cdrom });
  expect(argv).toContain(`file=${cdrom},format=raw,media=cdrom,readonly=on`);
  expect(argv).toContain('guest=a,,b');
  expect(argv).toContain('host');
});

test.each([
  [{ memoryMiB: 0 }, 'memoryMiB'],
  [{ memoryMiB: 1.5 }, 'memoryMiB'],
  [{ memoryMiB: 1e9 }, 'memoryMiB'],
  [{ memoryMiB: Number.NaN }, 'memoryMiB'],
  [{ cpus: 0 }, 'cpus'],
  [{ cpus: 256 }, 'cpus'],
  [{ disk: '/no/such/disk.img' }, 'disk'],
  [{ disk: 'relative.img' }, 'disk'],
  [{ cdrom: '/dev' }, 'cdrom'],
  [{ name: '   ' }, 'name'],
  [{ name: 'bell\u0007' }, 'name'],
  [{ name: 'x'.repeat(201) }, 'name'],
])('%o is refused, naming the field', async (change, field) => {
  await expect(recipeFromForm({ ...form, ...change })).rejects.toSatisfy(
    (error) =>
      error instanceof StillframeError &&
      error.failure.code === 'machine.bad-recipe' &&
      error.failure.where.field === field,
  );
});
