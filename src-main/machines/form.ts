/** The short form: a handful of answers as a recipe that anybody could have written by hand. */
import { fail, type StillframeError } from '@shared/contracts/failure';
import type { MachineForm, Recipe } from '@shared/contracts/machines';
import { open, stat } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { escapeProperty } from '../qemu/options';
import { checkRecipe } from '../qemu/recipe';

const MAX_MEMORY_MIB = 4 * 1024 * 1024;
const MAX_CPUS = 255;

/** The first bytes by which QEMU itself knows an image (block/qcow2.c, vmdk.c, vhdx.c, vdi.c, qed.c). */
const IMAGE_FORMATS: readonly { readonly format: string; readonly offset: number; readonly magic: Buffer }[] = [
  { format: 'qcow2', offset: 0, magic: Buffer.from('QFI\xfb', 'latin1') },
  { format: 'vmdk', offset: 0, magic: Buffer.from('KDMV') },
  { format: 'vhdx', offset: 0, magic: Buffer.from('vhdxfile') },
  { format: 'qed', offset: 0, magic: Buffer.from('QED\0') },
  { format: 'vdi', offset: 64, magic: Buffer.from([0x7f, 0x10, 0xda, 0xbe]) },
];

/** Checks the form and its files; `machine.bad-recipe` names the field that is wrong. */
export async function recipeFromForm(form: MachineForm): Promise<Recipe> {
  if (!Number.isInteger(form.memoryMiB) || form.memoryMiB < 1 || form.memoryMiB > MAX_MEMORY_MIB) {
    throw bad('memoryMiB', 'Memory must be a whole number of MiB, 1 to 4 194 304', 'Correct the memory.');
  }
  if (!Number.isInteger(form.cpus) || form.cpus < 1 || form.cpus > MAX_CPUS) {
    throw bad('cpus', `CPUs must be a whole number, 1 to ${String(MAX_CPUS)}`, 'Correct the number of CPUs.');
  }
  const disk =
    form.disk === null
      ? []
      : [
          '-drive',
          `file=${escapeProperty(await present(form.disk, 'disk'))},format=${await imageFormat(form.disk)},if=virtio`,
        ];
  const cdrom =
    form.cdrom === null
      ? []
      : ['-drive', `file=${escapeProperty(await present(form.cdrom, 'cdrom'))},format=raw,media=cdrom,readonly=on`];
  const recipe: Recipe = {
    name: form.name.trim(),
    program: 'qemu-system-x86_64',
    argv: [
      ...['-name', `guest=${escapeProperty(form.name.trim())}`],
      ...['-machine', 'q35', '-accel', form.accelerator, '-cpu', form.accelerator === 'kvm' ? 'host' : 'max'],
      ...['-m', `${String(form.memoryMiB)}M`, '-smp', String(form.cpus)],
      ...['-vga', 'std', '-display', 'none'],
      ...disk,
      ...cdrom,
    ],
    env: {},
    cwd: form.disk === null ? '/' : dirname(form.disk),
  };
  checkRecipe(recipe);
  return recipe;
}

async function present(path: string, field: 'disk' | 'cdrom'): Promise<string> {
  if (!isAbsolute(path)) throw bad(field, `“${path}” is no whole path`, 'Choose the file again.');
  const found = await stat(path).catch(() => null);
  if (found === null) throw bad(field, `There is no file ${path}`, 'Choose a file that exists.');
  if (!found.isFile() && !found.isBlockDevice())
    throw bad(field, `${path} is no disk image`, 'Choose a file or a disk.');
  return path;
}

/** The format of a disk image by its first bytes; `raw` when none of them is known. */
async function imageFormat(path: string): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
    const start = buffer.subarray(0, bytesRead);
    const known = IMAGE_FORMATS.find(({ offset, magic }) =>
      start.subarray(offset, offset + magic.length).equals(magic),
    );
    return known?.format ?? 'raw';
  } finally {
    await handle.close();
  }
}

function bad(field: keyof MachineForm, what: string, todo: string): StillframeError {
  return fail('machine.bad-recipe', 'reading the form', what, todo, { where: { field } });
}
