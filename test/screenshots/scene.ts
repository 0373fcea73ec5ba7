/** What the pictures show: a few VMs as somebody has them who works with kernels, and their snapshots. All of it is real. */
import { copyFile, mkdir, open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Machine, NewMachine, Recipe } from '@shared/contracts/machines';
import { PlainQemu } from '../support/plain-qemu';
import type { Session } from '../e2e/session';

export interface Scene {
  /** Large, and busy enough that a live save takes more than one pass. */
  readonly build: Machine;
  end(): Promise<void>;
}

/** A demo guest under another name. */
async function demoNamed(
  session: Session,
  name: string,
  demo: Omit<NewMachine & { kind: 'demo' }, 'kind'>,
): Promise<Machine> {
  const { id, recipe } = await session.ask<Machine & { recipe: Recipe }>('machines', 'add', { kind: 'demo', ...demo });
  await session.ask('machines', 'forget', id);
  const argv = recipe.argv.map((word) => (word === recipe.name ? name : word));
  return session.begin({ kind: 'recipe', recipe: { ...recipe, name, argv } });
}

const TEXT_GUEST = '-accel tcg -vga std -display none';

export async function setTheScene(session: Session): Promise<Scene> {
  const { ask, begin, save, dirs } = session;

  const disk = join(dirs.root, 'deb13.img');
  await writeFile(disk, Buffer.alloc(4 << 20, 1));
  const deb13 = await begin({
    kind: 'command-line',
    name: 'deb13',
    commandLine: `qemu-system-x86_64 -machine q35 -m 256 ${TEXT_GUEST} -drive file=${disk},format=raw,if=virtio`,
    cwd: null,
  });
  await sleep(2500); // until the firmware has written something
  await save(deb13, 'after-full-upgrade', { flush: 'none', note: 'libc6 2.41-13, kernel 6.12.57' });
  await save(deb13, 'before-full-upgrade', {
    channels: 4,
    after: 'quit',
    note: 'Last state with kernel 6.12.48. Keep until libc6 has run for a week.',
  });
  const written = await open(disk, 'r+');
  await written.write(Buffer.alloc(4096, 2), 0, 4096, 1 << 20);
  await written.close();

  const bisect = await begin({
    kind: 'command-line',
    name: 'rc4-bisect',
    commandLine: `qemu-system-x86_64 -machine q35 -m 128 -smp 2 ${TEXT_GUEST}`,
    cwd: null,
  });
  await sleep(2500);
  await save(bisect, 'rc3-good', { note: 'The last release candidate without the crash.' });
  await save(bisect, 'ring-crash-rc4', { mode: 'paused', note: 'The file system was full.', after: 'quit' });
  await truncate((await session.entry('ring-crash-rc4')).memoryFile ?? '', 5_000_000);
  const interrupted = join(session.libraryFolder, '.saving-7f19c2d4');
  await mkdir(interrupted, { mode: 0o700 });
  await copyFile((await session.entry('ring-crash-rc4')).memoryFile ?? '', join(interrupted, 'memory.mapped'));

  const memtest = await begin({
    kind: 'command-line',
    name: 'memtest-lab',
    commandLine: `qemu-system-x86_64 -machine pc -m 64 ${TEXT_GUEST}`,
    cwd: null,
  });
  await ask('machines', 'pause', memtest.id);

  const build = await demoNamed(session, 'deb13-build', { memoryMiB: 4096, dirtyMiB: 2044, dirtyMiBPerSecond: 450 });
  const demo = await begin({ kind: 'demo' });
  await save(demo, 'demo-counting', { note: 'Its counter goes on from here.' });

  const held = await PlainQemu.start({ folder: dirs.root, argv: ['-name', 'dev-openbsd', '-m', '32'] });
  const free = await PlainQemu.start({
    folder: dirs.root,
    argv: ['-name', 'web01', '-m', '64', '-qmp', `unix:${join(dirs.root, 'web01.sock')},server=on,wait=off`],
  });
  return {
    build,
    end: async () => {
      await held.stop();
      await free.stop();
    },
  };
}
