/** Two files that differ in two hundred thousand runs of pages: what is drawn while they are scrolled through, and how long it takes. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchApp, type LaunchedApp } from '../support/electron';
import { makeGuestFile } from '../support/guest-file';
import { makeTempDir, removeTempDir } from '../support/temp';

const RUNS = 200_000;
const PAGE = 512;
const FRAMES = 120;
const TRIES = 3;
const LONG_TASK_MS = 50;
const LONGEST_BLANK_MS = 100;

let launched: LaunchedApp;
let folder = '';

beforeAll(async () => {
  folder = await makeTempDir();
  const image = new Uint8Array(2 * RUNS * PAGE).fill(1);
  const save = (name: string): Promise<unknown> =>
    makeGuestFile(join(folder, name), [{ name: 'pc.ram', image, pageSize: PAGE, absent: () => false }]);
  await save('a');
  for (let run = 0; run < RUNS; run += 1) image[2 * run * PAGE + 7] = 2;
  await save('b');
  launched = await launchApp({ args: [join(folder, 'a')], size: { width: 1280, height: 800 } });
  await launched.app.evaluate(
    ({ dialog }, chosen) => {
      dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [chosen] });
    },
    join(folder, 'b'),
  );
  await launched.page.click('button:has-text("Compare…")');
  await launched.page.click('dialog button:has-text("Choose a file…")');
  const said = (): Promise<string> =>
    launched.page.evaluate(`document.querySelector('.compare [role=status]')?.textContent ?? ''`);
  for (const deadline = performance.now() + 60_000; !/compared in/.test(await said());) {
    if (performance.now() > deadline) throw new Error('the comparison does not end');
    await sleep(50);
  }
}, 120_000);
afterAll(async () => {
  await launched?.close();
  await removeTempDir(folder);
});

interface Scrolled {
  readonly longTasks: readonly number[];
  /** Milliseconds until every row in view had its run, for each frame that had one without. */
  readonly blanks: readonly number[];
}

/** Scrolls once a frame by what `step` says (`frame` counts), and then waits until every row has its run. */
const scrolled = (step: string): Promise<Scrolled> =>
  launched.page.evaluate(`(async () => {
    const longTasks = [];
    const blanks = [];
    const watcher = new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration)));
    watcher.observe({ entryTypes: ['longtask'] });
    const list = document.querySelector('.runs [role=listbox]');
    const pair = document.querySelector('#inspector-pair');
    let since = null;
    const look = () => {
      const blank = document.querySelector('.runs .waiting') !== null;
      if (blank) since ??= performance.now();
      else if (since !== null) { blanks.push(performance.now() - since); since = null; }
      return blank;
    };
    for (let frame = 0; frame < ${FRAMES}; frame++) {
      ${step}
      await new Promise(requestAnimationFrame);
      look();
    }
    while (look()) await new Promise(requestAnimationFrame);
    await new Promise((resolve) => setTimeout(resolve, 100));
    watcher.disconnect();
    return { longTasks, blanks };
  })()`);

it.each([
  ['the list is turned through', 'list.scrollTop += 200;', true],
  ['the list is jumped through', 'if (frame % 20 === 0) list.scrollTop = (list.scrollHeight * frame) / 120;', true],
  ['the list is dragged through', 'list.scrollTop = (list.scrollHeight * frame) / 120;', false],
  [
    'the panes are turned through',
    `pair.dispatchEvent(new WheelEvent('wheel', { deltaY: 300, cancelable: true }));`,
    true,
  ],
])('while %s, no task is long and no row stays blank', async (_, step, comes) => {
  let slow: readonly (readonly number[])[] = [];
  // What is slow in itself is so each time; what waited for another process is not.
  for (let tries = 0; tries < TRIES; tries += 1) {
    const { longTasks, blanks } = await scrolled(step);
    slow = [
      longTasks.filter((milliseconds) => milliseconds > LONG_TASK_MS),
      comes ? blanks.filter((milliseconds) => milliseconds > LONGEST_BLANK_MS) : [],
    ];
    if (slow.flat().length === 0) break;
  }
  expect(slow).toEqual([[], []]);
  expect(await launched.page.evaluate(`document.querySelectorAll('.runs [role=option]').length`)).toBeLessThan(60);
});

it('the last run is the last one, and both panes go to it', async () => {
  await launched.page.evaluate(`document.querySelector('.runs [role=listbox]').focus()`);
  await launched.page.keyboard.press('End');
  await launched.page.keyboard.press('Enter');
  const page = String(2 * (RUNS - 1)).replace(/\B(?=(\d{3})+$)/g, '\\s');
  const said = (): Promise<string> => launched.page.evaluate(`document.querySelector('.pair .says').textContent`);
  const wanted = new RegExp(`, page ${page}, 01 in A, 02 in B$`);
  for (const deadline = performance.now() + 5000; !wanted.test(await said());) {
    if (performance.now() > deadline) throw new Error(`it reads "${await said()}"`);
    await sleep(20);
  }
});
