import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from './lock.mjs';
import { packagesAreCurrent } from './packages.mjs';
import { run, which } from './run.mjs';
import { SetupError, shellLine } from './say.mjs';
import { displayTrouble, knownLibraries, qemuVersionIn } from './system.mjs';

/** @type {string} */
let folder;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sf-setup-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the version of QEMU', () => {
  it.each([
    ['QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2+deb13u1~bpo12+1)', '10.0.2', true],
    ['QEMU emulator version 9.0.0', '9.0.0', true],
    ['QEMU emulator version 8.2.2 (Debian 1:8.2.2+ds-0ubuntu1)', '8.2.2', false],
    ['QEMU emulator version 7.2.17 (Debian 1:7.2+dfsg-7+deb12u13)', '7.2.17', false],
    ['1:7.2+dfsg-7+deb12u13', '7.2.0', false],
    ['1:10.0.2+ds-2+deb13u1~bpo12+1', '10.0.2', true],
    ['11.1.3', '11.1.3', true],
  ])('in %j is %s', (text, version, good) => {
    expect(qemuVersionIn(text)).toEqual({ version, good });
  });

  it('is not found where there is none', () => {
    expect(qemuVersionIn('command not found')).toBeNull();
  });
});

describe('the npm packages', () => {
  const locked = {
    '': { version: '1.0.0' },
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/b': { version: '2.0.0', integrity: 'sha512-b', optional: true },
  };

  /**
   * @param {object | null} present   null: no node_modules
   */
  async function current(present) {
    await writeFile(join(folder, 'package-lock.json'), JSON.stringify({ packages: locked }));
    if (present !== null) {
      await mkdir(join(folder, 'node_modules'));
      await writeFile(join(folder, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: present }));
    }
    return packagesAreCurrent(folder);
  }
  const { 'node_modules/a': a, 'node_modules/b': b } = locked;

  it.each([
    ['everything is there', { 'node_modules/a': a, 'node_modules/b': b }, true],
    ['an optional one of another platform is not', { 'node_modules/a': a }, true],
    ['nothing is installed', null, false],
    ['one is missing', { 'node_modules/b': b }, false],
    ['one has another version', { 'node_modules/a': { ...a, version: '1.0.1' } }, false],
    ['one has other contents', { 'node_modules/a': { ...a, integrity: 'sha512-x' } }, false],
    ['one is not in the lock file', { 'node_modules/a': a, 'node_modules/c': { version: '1.0.0' } }, false],
  ])('when %s: current is %3$s', async (_what, present, expected) => {
    expect(await current(present)).toBe(expected);
  });

  it('are not current when npm was stopped while it wrote its list', async () => {
    await current({ 'node_modules/a': a });
    await writeFile(join(folder, 'node_modules', '.package-lock.json'), '{"packages": {');
    expect(packagesAreCurrent(folder)).toBe(false);
  });
});

describe('the lock', () => {
  it('lets one at a time do its work', async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await sleep(15);
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 8 }, () => withLock(folder, work)));
    expect(most).toBe(1);
  });

  it('is let go when the work fails', async () => {
    await expect(withLock(folder, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await withLock(folder, () => Promise.resolve('yes'))).toBe('yes');
  });

  it('is let go when its holder is killed, and the waiting one says that it waits', async () => {
    const holder = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { withLock } from ${JSON.stringify(new URL('lock.mjs', import.meta.url).href)};
         await withLock(${JSON.stringify(folder)}, () => new Promise(() => { console.log('held'); setInterval(() => {}, 1000); }));`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      await once(holder.stdout, 'data');
      let waited = false;
      const mine = withLock(folder, () => Promise.resolve('mine'), { onWait: () => (waited = true) });
      await sleep(100);
      expect(waited).toBe(true);
      holder.kill('SIGKILL');
      expect(await mine).toBe('mine');
    } finally {
      holder.kill('SIGKILL');
    }
  });

  it('is given up after its time limit', async () => {
    await withLock(folder, async () => {
      const second = withLock(folder, () => Promise.resolve(), { limitMs: 100 });
      await expect(second).rejects.toThrow(SetupError);
    });
  });
});

describe('an X display', () => {
  it.each([
    ['is not set', undefined, 'There is no X display (DISPLAY is not set).'],
    ['is empty', '', 'There is no X display (DISPLAY is not set).'],
    ['is nonsense', 'here', 'DISPLAY is "here", which names no X display.'],
    ['has no server', ':64990', 'No X server answers at DISPLAY=:64990.'],
  ])('that %s is told', async (_what, display, trouble) => {
    expect(await displayTrouble(display)).toBe(trouble);
  });

  it('that answers is good', async () => {
    const server = createServer().listen('\0/tmp/.X11-unix/X64991');
    await once(server, 'listening');
    try {
      expect(await displayTrouble(':64991.0')).toBeNull();
    } finally {
      server.close();
    }
  });
});

describe('running a program', () => {
  it('keeps its output and its exit code', async () => {
    const result = await run('sh', ['-c', 'cat; echo bad >&2; exit 3'], { input: 'good' });
    expect(result).toMatchObject({ code: 3, stdout: 'good', stderr: 'bad\n', timedOut: false });
  });

  it('ends it at its time limit', async () => {
    expect(await run('sleep', ['20'], { timeoutMs: 50 })).toMatchObject({ code: null, timedOut: true });
  });

  it('knows the C library among the shared libraries, and finds programs as a shell does', async () => {
    expect(await knownLibraries()).toContain('libc.so.6');
    expect(which('sh', '/nowhere:/usr/bin')).toBe('/usr/bin/sh');
    expect(which('no-such-program')).toBeNull();
  });

  it('writes commands so that a shell reads the same words', async () => {
    const words = ['printf', '%s|', 'plain', 'two words', "it's", '$HOME', 'a\nb'];
    expect((await run('sh', ['-c', shellLine(words)])).stdout).toBe("plain|two words|it's|$HOME|a\nb|");
  });
});
