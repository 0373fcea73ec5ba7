import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDirPerTest } from '../../test/support/temp';
import { fitted, readBounds, writeBounds } from './bounds';

const temp = tempDirPerTest('sf-b');
const screen = { x: 0, y: 0, width: 1920, height: 1080 };
const right = { x: 1920, y: 0, width: 1280, height: 1024 };
const first = { width: 1280, height: 800, place: null, maximized: false };

describe('the window', () => {
  it('opens where it was, as large as it was', async () => {
    const file = join(temp(), 'window.json');
    await writeBounds(file, { x: 100, y: 50, width: 1400, height: 900 }, true);
    expect(await readBounds(file, [screen])).toEqual({
      width: 1400,
      height: 900,
      place: { x: 100, y: 50 },
      maximized: true,
    });
  });

  it.each([
    ['on a screen that is gone', { x: 2500, y: 10, width: 1100, height: 700 }, null, 1100, 700],
    ['with its title bar above the screen', { x: 0, y: -50, width: 1100, height: 700 }, null, 1100, 700],
    ['with its title bar below the screen', { x: 0, y: 1060, width: 1100, height: 700 }, null, 1100, 700],
    ['with 20 pixels of it on the screen', { x: 1900, y: 0, width: 1100, height: 700 }, null, 1100, 700],
    ['smaller than the minimum', { x: 5, y: 5, width: 200, height: 100 }, { x: 5, y: 5 }, 1024, 680],
    ['larger than its screen', { x: 0, y: 0, width: 5000, height: 4000 }, { x: 0, y: 0 }, 1920, 1080],
  ])('%s is put right', (_name, wanted, place, width, height) => {
    expect(fitted(wanted, false, [screen])).toEqual({ width, height, place, maximized: false });
  });

  it('stays on the second screen', () => {
    const wanted = { x: 2000, y: 20, width: 1100, height: 700 };
    expect(fitted(wanted, false, [screen, right]).place).toEqual({ x: 2000, y: 20 });
  });

  it.each(['', '{', 'null', '[]', '{"x":1}', '{"x":1e99,"y":0,"width":1,"height":1,"maximized":false}', '{"x":"1"}'])(
    'opens as at the first start when %j is remembered',
    async (text) => {
      const file = join(temp(), 'window.json');
      await writeFile(file, text);
      expect(await readBounds(file, [screen])).toEqual(first);
    },
  );

  it('opens as at the first start when nothing is remembered', async () => {
    expect(await readBounds(join(temp(), 'none'), [screen])).toEqual(first);
  });
});
