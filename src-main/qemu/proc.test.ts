import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { renameNoReplace } from './libc';
import { commandLineOf, identify, isAlive, killProcess, ownerOfSocket, readProcFile, waitForEnd } from './proc';
import { holderOf, parseUnixTable } from './socket-holder';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sf-proc-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('A process', () => {
  test('is told from a later one with its pid, and is gone once it has ended', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      const identity = await identify(child.pid ?? 0);
      if (identity === null) throw new Error('it does not run');
      expect(await isAlive(identity)).toBe(true);
      expect(await isAlive({ ...identity, startTicks: identity.startTicks + 1 })).toBe(false);
      expect(await killProcess({ ...identity, startTicks: identity.startTicks + 1 })).toBe(true);
      expect(await isAlive(identity)).toBe(true);
      expect(await waitForEnd(identity, 60)).toBe(false);
      expect(await commandLineOf(identity.pid)).toEqual(['sleep', '60']);
      expect(await killProcess(identity)).toBe(true);
      expect(await identify(identity.pid)).toBeNull();
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('whose arguments are longer than what is read of them has none, rather than half of them', async () => {
    const long = Array.from({ length: 3 }, () => 'x'.repeat(100_000));
    const child = spawn('sh', ['-c', 'read line', ...long], { stdio: ['pipe', 'ignore', 'ignore'] });
    try {
      await once(child, 'spawn');
      expect(await commandLineOf(child.pid ?? 0)).toBeNull();
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('that has ended and that nobody has waited for runs no more', async () => {
    // What the shell has become never waits for its child, which stays a zombie.
    const shell = spawn('bash', ['-c', 'sleep 0.2 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const [line] = (await once(shell.stdout, 'data')) as [Buffer];
      const pid = Number(line.toString());
      await expect.poll(() => identify(pid), { timeout: 5_000 }).toBeNull();
      expect((await readProcFile(`/proc/${pid}/stat`, 4096))?.toString()).toContain(' Z ');
    } finally {
      shell.kill('SIGKILL');
    }
  });

  test('whose name holds spaces and parentheses is read right', async () => {
    const child = spawn(
      'bash',
      ['-c', 'exec -a x bash -c \'echo -n "a) R 1 (b" > /proc/self/comm; echo; read line\''],
      {
        stdio: ['pipe', 'pipe', 'ignore'],
      },
    );
    try {
      await once(child.stdout, 'data');
      const identity = await identify(child.pid ?? 0);
      const own = await identify(process.pid);
      expect(identity?.startTicks).toBeGreaterThanOrEqual(own?.startTicks ?? Number.MAX_SAFE_INTEGER);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('is found by a socket that it has open', async () => {
    const server = createServer().listen(join(folder, 's'));
    await once(server, 'listening');
    try {
      const table = (await readProcFile('/proc/net/unix', 8 * 1024 * 1024))?.toString() ?? '';
      const inode = Number(
        / (\d+) \S+\/s$/m.exec(table.split('\n').find((line) => line.endsWith(join(folder, 's'))) ?? '')?.[1],
      );
      expect(await ownerOfSocket(inode)).toBe(process.pid);
      expect(await ownerOfSocket(2 ** 31)).toBeNull();
      expect(await holderOf(join(folder, 's'))).toEqual({ kind: 'free' });
    } finally {
      server.close();
    }
  });
});

test('/proc/net/unix tells an accepted connection from a listener and from one that waits', () => {
  const table = [
    'Num       RefCount Protocol Flags    Type St Inode Path',
    '000000003da5e4ce: 00000002 00000000 00010000 0001 01 33932 /run/a.sock',
    '000000003872492c: 00000003 00000000 00000000 0001 03 34845 /run/a b.sock',
    '000000003427093e: 00000003 00000000 00000000 0001 02     0 /run/a.sock',
    '00000000747e006a: 00000003 00000000 00000000 0001 03  1140',
    'rubbish',
    '',
  ].join('\n');
  expect(parseUnixTable(table)).toEqual([{ name: '/run/a b.sock', fileInode: null, peerInode: null }]);
});

describe('Renaming', () => {
  test('never replaces what is there, be it a file or an empty folder', async () => {
    const [from, to] = [join(folder, 'from'), join(folder, 'to')];
    await mkdir(from);
    await mkdir(to);
    await expect(renameNoReplace(from, to)).rejects.toMatchObject({ code: 'EEXIST' });
    await rm(to, { recursive: true });
    await writeFile(to, '');
    await expect(renameNoReplace(from, to)).rejects.toMatchObject({ code: 'EEXIST' });
    await rm(to);
    await renameNoReplace(from, to);
    expect((await stat(to)).isDirectory()).toBe(true);
    await expect(renameNoReplace(from, to)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
