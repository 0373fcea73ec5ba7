/** The Inspector on a snapshot of the library, whose manifest says where the guest had its RAM. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LocateReport } from '@shared/contracts/inspect';
import { runCli, type CliResult } from '../support/cli';
import { appEnv, launchApp, type LaunchedApp } from '../support/electron';
import { endProcess } from '../support/processes';

const COUNTER = 0x10_0000;

let launched: LaunchedApp;
let pid: number | null = null;

const cli = (...args: readonly string[]): Promise<CliResult> =>
  runCli(args, { env: appEnv(launched.dirs), cwd: launched.dirs.root });
const textOf = (selector: string): Promise<string> =>
  launched.page.evaluate<string>(
    `(document.querySelector(${JSON.stringify(selector)})?.textContent ?? '').replace(/\\s+/g, ' ').trim()`,
  );

async function reads(selector: string, wanted: RegExp): Promise<void> {
  const deadline = performance.now() + 20_000;
  let text = await textOf(selector);
  while (!wanted.test(text)) {
    if (performance.now() > deadline) throw new Error(`${selector} reads "${text}", not ${String(wanted)}`);
    await sleep(20);
    text = await textOf(selector);
  }
}

beforeAll(async () => {
  launched = await launchApp({ size: { width: 1920, height: 1080 } });
  const started = (await cli('start', '--demo', '--memory', '64', '--json')).json() as { machine: string; pid: number };
  pid = started.pid;
  const saved = await cli('save', started.machine, '--after', 'quit', '--json');
  expect(saved.stderr + saved.stdout).toContain('snapshot');
  expect(saved.code).toBe(0);
});
afterAll(async () => {
  if (pid !== null) await endProcess(pid);
  await launched?.close();
});

it('opens from the library, and knows the guest-physical address of every place in guest memory', async () => {
  await launched.page.keyboard.press('Alt+2');
  await launched.page.click('[data-view="library"] button:has-text("Inspect")');
  await reads('.inspector .base', /^memory\.mapped$/);
  const file = await launched.page.evaluate<string>(`document.querySelector('.inspector h1').title`);

  await launched.page.click('.place.gpa');
  await launched.page.keyboard.type('100000');
  await launched.page.keyboard.press('Enter');
  await reads('.place.gpa .value', /^0000 0000 0010 0000$/);
  const found = (await cli('locate', file, '--gpa', `0x${COUNTER.toString(16)}`, '--json')).json() as LocateReport;
  expect(found).toMatchObject({ block: 'pc.ram', guestPhysical: COUNTER, present: true });
  const offset = await textOf('.place.offset .value');
  expect(Number.parseInt(offset.replaceAll(' ', ''), 16)).toBe(found.fileOffset);
  expect(await textOf('.place.page .value')).toBe(`${found.block} : ${found.page} +0x0`);
  await reads('[data-kind="page"] .opening', /guest-physical 0x/);
});

it('knows the same addresses when the file is opened by its path', async () => {
  const file = await launched.page.evaluate<string>(`document.querySelector('.inspector h1').title`);
  await launched.app.evaluate(({ app }, path) => void app.emit('second-instance', {}, [], '/', { file: path }), file);
  await reads('.place.gpa .value', /^(?!0000 0000 0010 0000)/);
  await launched.page.click('.place.gpa');
  await launched.page.keyboard.type('100000');
  await launched.page.keyboard.press('Enter');
  await reads('.place.gpa .value', /^0000 0000 0010 0000$/);
});

it('fills the view with rows, whichever file was opened in it', async () => {
  const gap = await launched.page.evaluate<number>(`(() => {
    const rows = [...document.querySelectorAll('#inspector-bytes [data-from]')];
    const view = document.querySelector('#inspector-bytes').getBoundingClientRect();
    return view.bottom - Math.max(...rows.map((row) => row.getBoundingClientRect().bottom));
  })()`);
  expect(gap).toBeLessThanOrEqual(0);
});
