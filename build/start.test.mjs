import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { run } from './setup/run.mjs';
import { ROOT } from './setup/say.mjs';
import { lookAround } from './setup/system.mjs';

const { DISPLAY: _none, ...withoutDisplay } = process.env;
/** @param {readonly string[]} args @param {NodeJS.ProcessEnv} env */
const script = (args, env) => run(process.execPath, args, { cwd: ROOT, env });

describe('npm start', () => {
  it('says how to get a display where there is none, and starts nothing', async () => {
    const { code, stderr, stdout } = await script(['build/start.mjs'], withoutDisplay);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('There is no X display (DISPLAY is not set).');
    expect(stderr).toContain('\n    xvfb-run -a npm start\n');
  });

  it('names a display that does not answer', async () => {
    const { code, stderr } = await script(['build/start.mjs'], { ...withoutDisplay, DISPLAY: ':64989' });
    expect(code).toBe(2);
    expect(stderr).toContain('No X server answers at DISPLAY=:64989.');
  });
});

describe('set-up', () => {
  it('is done in under 2 s when nothing is missing, and says so in one line', async () => {
    const started = performance.now();
    const { code, stderr } = await script([join(ROOT, 'build', 'setup.mjs')], process.env);
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^set-up: nothing is missing: QEMU \d+\.\d+\.\d+, Electron \d+\.\d+\.\d+\n$/);
  });

  it('refuses a purpose that it does not know', async () => {
    const { code, stderr } = await script(['build/setup.mjs', '--for', 'fun'], process.env);
    expect(code).toBe(2);
    expect(stderr).toBe('--for takes cli, start, test, not fun.\n');
  });

  it('misses QEMU and its tools where the PATH leads to none', async () => {
    vi.stubEnv('PATH', '/nowhere');
    try {
      const { qemu, missing } = await lookAround('cli');
      expect(qemu).toBeNull();
      expect(missing.map(({ what }) => what)).toEqual(['QEMU ≥ 9.0', 'qemu-img']);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
