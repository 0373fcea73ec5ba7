/** The process that reads the second file dies while two files are compared: it is said, and everything else goes on. */
import { copyFile, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchApp, type LaunchedApp } from '../support/electron';
import { makeGuestFile } from '../support/guest-file';
import { makeTempDir, removeTempDir } from '../support/temp';
import { until } from '../support/until';

/** So much that it is being compared for a while. */
const MIB = 320;
const PAGE = 4096;

let launched: LaunchedApp;
let folder = '';

beforeAll(async () => {
  folder = await makeTempDir();
  const [a, b] = [join(folder, 'a'), join(folder, 'b')];
  const image = new Uint8Array(MIB * 2 ** 20).fill(1);
  const { pagesOffset } = await makeGuestFile(a, [{ name: 'pc.ram', image, absent: () => false }]);
  await copyFile(a, b);
  const file = await open(b, 'r+');
  for (const page of [0, MIB * 256 - 1])
    await file.write(Uint8Array.of(2), 0, 1, (pagesOffset.get('pc.ram') ?? 0) + page * PAGE);
  await file.close();
  launched = await launchApp({ args: [a], size: { width: 1280, height: 800 } });
  await launched.app.evaluate(({ dialog }, chosen) => {
    dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [chosen] });
  }, b);
  await reads('.inspector h1', /^a$/);
}, 120_000);
afterAll(async () => {
  await launched?.close();
  await removeTempDir(folder);
});

const inPage = <T>(expression: string): Promise<T> => launched.page.evaluate<T>(expression);
const text = (selector: string): Promise<string> =>
  inPage(`(document.querySelector(${JSON.stringify(selector)})?.textContent ?? '').replace(/\\s+/g, ' ').trim()`);

async function reads(selector: string, wanted: RegExp): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (let found = await text(selector); !wanted.test(found); found = await text(selector)) {
    if (performance.now() > deadline) throw new Error(`${selector} reads "${found}", not ${String(wanted)}`);
    await sleep(20);
  }
}

/** The processes beside main that have a file open. */
async function readersOf(path: string): Promise<readonly number[]> {
  const pids = await launched.app.evaluate(({ app }) => app.getAppMetrics().map(({ pid }) => pid));
  const readers: number[] = [];
  for (const pid of pids.filter((one) => one !== launched.pid)) {
    const folderOfPid = `/proc/${pid}/fd`;
    const names = await readdir(folderOfPid).catch(() => []);
    const open = await Promise.all(names.map((name) => readlink(join(folderOfPid, name)).catch(() => '')));
    if (open.includes(path)) readers.push(pid);
  }
  return readers;
}

/** Kills the process that reads the second file; the one that compares has the first file open, too. */
async function killSecond(): Promise<void> {
  const comparing = await readersOf(join(folder, 'a'));
  const only = (await readersOf(join(folder, 'b'))).filter((pid) => !comparing.includes(pid));
  expect([comparing.length, only.length]).toEqual([1, 1]);
  for (const pid of only) process.kill(pid, 'SIGKILL');
}

const SAYS = '.compare .bar [role=status]';
const notices = (): Promise<readonly string[]> =>
  inPage(`[...document.querySelectorAll('.compare [role=alert] p:first-child')].map((each) => each.textContent)`);
/** As soon as the page says that it compares. */
const underWay = (): Promise<void> =>
  inPage(`(async () => {
    while (!/^Comparing/.test(document.querySelector('${SAYS}')?.textContent ?? '')) await new Promise(requestAnimationFrame);
  })()`);

it('during the comparison: it stops and says why, once', async () => {
  const [comparing] = await readersOf(join(folder, 'a'));
  if (comparing === undefined) throw new Error('nobody reads the first file');
  await launched.page.click('button:has-text("Compare…")');
  await launched.page.click('dialog button:has-text("Choose a file…")');
  await underWay();
  // The comparison is held until the other process is gone, however fast this machine compares.
  process.kill(comparing, 'SIGSTOP');
  try {
    await killSecond();
    await reads('.compare .gone', /the process that read this file ended/);
  } finally {
    process.kill(comparing, 'SIGCONT');
  }
  await reads(SAYS, /^Stopped at \d/);
  expect(await notices()).toHaveLength(1);
  expect((await notices())[0]).toContain(join(folder, 'b'));
  expect(await text('.compare .bar')).not.toContain('Compare the rest');
});

it('nothing else is touched: the first file is read as before', async () => {
  await launched.page.click('[role=tab]:has-text("Bytes")');
  await reads('.inspector h1', /^a$/);
  await until('its bytes are shown', () =>
    inPage(`document.querySelector('#inspector-bytes .cells[aria-label^="51 45 56 4d"]') !== null`),
  );
  expect(await inPage(`document.querySelectorAll('[role=alert]').length`)).toBe(0);
  await launched.page.click('[role=tab]:has-text("Compare")');
});

it('it is compared once more by one button, with another process', async () => {
  await launched.page.click('button:has-text("Compare again")');
  await reads(SAYS, /of pages compared in/);
  await reads('.compare [aria-checked=true]', /^Memory, 2\spages$/);
  expect(await notices()).toEqual([]);
});

it('after the comparison: what was found stays, with its runs, and it is said', async () => {
  await killSecond();
  await reads('.compare .gone', /the process that read this file ended/);
  expect(await text(SAYS)).toMatch(/of pages compared in/);
  expect(await text('.runs [role=listbox]')).toMatch(/changed/);
  await launched.page.click('[aria-label="End the comparison"]');
  await reads('.inspector .empty', /compared with none/);
});
