import { describe, expect, test } from 'vitest';
import { demoRecipe } from './demo';

const resources = '/nowhere';
const loaderValues = (argv: readonly string[]): readonly string[] =>
  argv.filter((word) => word.startsWith('loader,')).map((word) => /data=(\d+)/.exec(word)?.[1] ?? '');

describe('demoRecipe', () => {
  test('has 256 MiB and dirties 64 MiB of them at 64 MiB/s by default', () => {
    const { argv } = demoRecipe({ resources });
    expect(argv).toContain('256M');
    expect(loaderValues(argv)).toEqual([String(64 * 256), '64', '256']);
  });

  test('dirties what fits when there is little memory', () => {
    expect(loaderValues(demoRecipe({ resources, memoryMiB: 64 }).argv)[0]).toBe(String(48 * 256));
  });

  test('opens its boot sector read-only', () => {
    const blockdev = demoRecipe({ resources }).argv.find((word) => word.startsWith('{'));
    expect(JSON.parse(blockdev ?? '')).toMatchObject({
      'read-only': true,
      file: { filename: '/nowhere/demo/demo.img' },
    });
  });

  test.each([
    [{ memoryMiB: 63 }, 'memory'],
    [{ memoryMiB: 4097 }, 'memory'],
    [{ memoryMiB: 100.5 }, 'memory'],
    [{ memoryMiB: Number.NaN }, 'memory'],
    [{ dirtyMiB: 0 }, 'dirtied'],
    [{ memoryMiB: 64, dirtyMiB: 61 }, 'dirtied'],
    [{ memoryMiB: 4096, dirtyMiB: 2045 }, 'dirtied'],
    [{ dirtyMiBPerSecond: -1 }, 'rate'],
    [{ dirtyMiBPerSecond: 4097 }, 'rate'],
  ])('refuses %j', (options, named) => {
    expect(() => demoRecipe({ resources, ...options })).toThrow(
      expect.objectContaining({
        failure: expect.objectContaining({ code: 'usage', what: expect.stringContaining(named) as string }) as object,
      }) as Error,
    );
  });
});
