/** Searching the guest's memory in the Inspector, by keyboard alone, on a file that plain QEMU saved. */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SearchHit } from '@shared/contracts/search';
import { runCli } from '../support/cli';
import { appEnv, launchApp, type LaunchedApp } from '../support/electron';
import { saveWithPlainQemu } from '../support/plain-qemu';
import { makeTempDir, removeTempDir } from '../support/temp';

const SCREENS = resolve(import.meta.dirname, '../../test-results/screens');

let launched: LaunchedApp;
let folder = '';
let hits: readonly SearchHit[] = [];

beforeAll(async () => {
  folder = await makeTempDir();
  const path = join(folder, 'memory.mapped');
  await saveWithPlainQemu({
    argv: ['-M', 'q35', '-m', '32'],
    folder,
    uri: `file:${path}`,
    live: true,
    migrate: { mappedRam: true },
    // The firmware has copied itself into RAM by then.
    prepare: () => sleep(1500),
  });
  launched = await launchApp({ args: [path], size: { width: 1280, height: 800 } });
  const found = await runCli(['find', path, '--text', 'seabios', '--ignore-case', '--json'], {
    env: appEnv(launched.dirs),
    cwd: folder,
  });
  ({ hits } = found.json() as { hits: readonly SearchHit[] });
}, 180_000);

afterAll(async () => {
  await launched?.close();
  await removeTempDir(folder);
});

const press = async (...keys: readonly string[]): Promise<void> => {
  for (const key of keys) await launched.page.keyboard.press(key);
};
const text = (selector: string): Promise<string> =>
  launched.page.evaluate<string>(
    `(document.querySelector(${JSON.stringify(selector)})?.textContent ?? '').replace(/\\s+/g, ' ').trim()`,
  );

async function reads(selector: string, wanted: string | RegExp): Promise<void> {
  const fits = (found: string): boolean => (typeof wanted === 'string' ? found === wanted : wanted.test(found));
  const deadline = performance.now() + 20_000;
  for (let found = await text(selector); !fits(found); found = await text(selector)) {
    if (performance.now() > deadline) throw new Error(`${selector} reads "${found}", not ${String(wanted)}`);
    await sleep(20);
  }
}

const offsetText = (offset: number): string => (offset.toString(16).padStart(16, '0').match(/.{4}/g) ?? []).join(' ');

it('/ finds, n and N go from hit to hit, Escape closes', async () => {
  expect(hits.length).toBeGreaterThan(3);
  await reads('.place.offset .value', /^[\da-f ]{19}$/);
  await press('/');
  await launched.page.keyboard.type('seabios');
  await press('Tab', 'Space', 'Shift+Tab', 'Enter');
  await reads('.find .says', new RegExp(`^1 of ${hits.length} in `));
  await reads('.place.offset .value', offsetText(hits[0]?.fileOffset ?? 0));
  expect(await text('[role=listitem] .context')).toBe(hits[0]?.context.trim());
  await mkdir(SCREENS, { recursive: true });
  await launched.page.screenshot({ path: join(SCREENS, 'inspector-find-1280.png') });
  await press('Escape');
  expect(await text('.find')).toBe('');
  // Hits stay when the bar is closed.
  await press('n', 'n');
  await reads('.place.offset .value', offsetText(hits[2]?.fileOffset ?? 0));
  await press('Shift+N');
  await reads('.place.offset .value', offsetText(hits[1]?.fileOffset ?? 0));
});

it('an expression that is wrong is refused where it is typed', async () => {
  await press('/');
  await press('Shift+Tab', 'ArrowRight', 'ArrowRight', 'Tab');
  await launched.page.keyboard.type('(a');
  await press('Enter');
  await reads('.find .says', /a \( has no \) behind it/);
  await press('Escape');
});
