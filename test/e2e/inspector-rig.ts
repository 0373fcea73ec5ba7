/** The Inspector on a file that plain QEMU saved, used by keyboard alone. */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCli } from '../support/cli';
import { appEnv, launchApp, type LaunchedApp } from '../support/electron';
import { linuxArgv, linuxGuest } from '../support/linux-guest';
import { PlainQemu, saveWithPlainQemu } from '../support/plain-qemu';
import { SerialConsole } from '../support/serial-console';
import { makeTempDir, removeTempDir } from '../support/temp';
import { axeViolations } from './axe';

const SCREENS = resolve(import.meta.dirname, '../../test-results/screens');
const SIZES = [
  [1280, 800],
  [1920, 1080],
] as const;

export interface InspectorRig extends LaunchedApp {
  /** The file that is open. */
  readonly path: string;
  readonly folder: string;
  /** What the command line prints with --json. */
  cli<T>(...args: readonly string[]): Promise<T>;
  press(...keys: readonly string[]): Promise<void>;
  type(text: string): Promise<void>;
  /** Texts of what matches, every run of white space as one space. */
  texts(selector: string): Promise<readonly string[]>;
  /** The text of what has the focus. */
  focused(): Promise<string>;
  /** Presses a key until what has the focus has this text. */
  pressUntil(key: string, wanted: RegExp): Promise<void>;
  until(what: string, holds: () => Promise<boolean>): Promise<void>;
  /** Goes to a view by its tab. */
  goToView(name: string): Promise<void>;
  /** File offset of the cursor in the Bytes view. */
  cursor(): Promise<number>;
  /** Pictures in both sizes and themes, to be looked at, and axe on each theme. Leaves 1280 × 800, dark. */
  pictures(name: string, part: string): Promise<readonly string[]>;
  end(): Promise<void>;
}

/** A Linux guest of 2 CPUs, stopped at its prompt. */
export async function saveLinux(path: string, folder: string): Promise<void> {
  const serial = join(folder, 'serial');
  const argv = linuxArgv(await linuxGuest(), { serial, cpu: 'max,la57=off', more: ['-smp', '2'] });
  const vm = await PlainQemu.start({ argv, folder });
  try {
    const console = await SerialConsole.open(serial);
    await console.ready();
    console.close();
    await vm.qmp('stop');
    await vm.save(`file:${path}`, { mappedRam: true, channels: 2 });
  } finally {
    await vm.stop();
  }
}

/** A q35 whose firmware has copied itself into RAM. */
export const saveFirmware = async (path: string, folder: string): Promise<void> => {
  await saveWithPlainQemu({
    argv: ['-M', 'q35', '-m', '32'],
    folder,
    uri: `file:${path}`,
    live: true,
    migrate: { mappedRam: true },
    prepare: () => sleep(1500),
  });
};

/** Opens the app with a file that `save` makes. `where`: `,offset=SIZE`, for a stream that begins further on in it. */
export async function openInspectorRig(
  save: (path: string, folder: string) => Promise<void>,
  where = '',
): Promise<InspectorRig> {
  const folder = await makeTempDir();
  const path = join(folder, 'memory.mapped');
  await save(path, folder);
  const launched = await launchApp({ args: [`${path}${where}`], size: { width: 1280, height: 800 } });
  const { page, app } = launched;

  const inPage = <T>(expression: string): Promise<T> => page.evaluate<T>(expression);
  const press = async (...keys: readonly string[]): Promise<void> => {
    for (const key of keys) await page.keyboard.press(key);
  };
  const texts = (selector: string): Promise<readonly string[]> =>
    inPage(
      `[...document.querySelectorAll(${JSON.stringify(selector)})].filter((element) => element.checkVisibility()).map((element) => element.innerText.replace(/\\s+/g, ' ').trim())`,
    );
  const focused = (): Promise<string> =>
    inPage(
      `(document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '').replace(/\\s+/g, ' ').trim()`,
    );
  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    for (const deadline = performance.now() + 20_000; !(await holds());) {
      await sleep(20);
      if (performance.now() > deadline)
        throw new Error(`not in time: ${what}; ${(await texts('main, .room')).join(' ').slice(0, 3000)}`);
    }
  }
  async function pressUntil(key: string, wanted: RegExp): Promise<void> {
    for (let tries = 0; tries < 200; tries += 1) {
      if (wanted.test(await focused())) return;
      await press(key);
    }
    throw new Error(`${key} does not lead to ${String(wanted)}; the focus is on "${await focused()}"`);
  }

  async function resized(width: number, height: number): Promise<void> {
    await app.evaluate(
      ({ BrowserWindow }, size) => BrowserWindow.getAllWindows()[0]?.setContentSize(size.width, size.height),
      { width, height },
    );
    await until('the window has its size', async () => (await inPage<number>('innerWidth')) === width);
  }
  const theme = (name: string): Promise<void> => inPage(`void (document.documentElement.dataset.theme = '${name}')`);

  await until('the file is open', async () => (await texts('[role=treeitem]')).length > 2);
  return {
    ...launched,
    path,
    folder,
    cli: async (...args) =>
      (await runCli([...args, '--json'], { env: appEnv(launched.dirs), cwd: folder })).json() as never,
    press,
    type: (text) => page.keyboard.type(text),
    texts,
    focused,
    pressUntil,
    until,
    goToView: async (name) => {
      await pressUntil('Tab', /^(Bytes|Pages|Devices|Strings|Findings|Compare)( \d+)?$/);
      await pressUntil('ArrowRight', new RegExp(`^${name}( \\d+)?$`));
    },
    cursor: async () => Number(`0x${((await texts('.place.offset .value'))[0] ?? '').replaceAll(' ', '')}`),
    pictures: async (name, part) => {
      await mkdir(SCREENS, { recursive: true });
      const violations: string[] = [];
      for (const [width, height] of SIZES) {
        await resized(width, height);
        for (const colours of ['light', 'dark']) {
          await theme(colours);
          await sleep(250);
          await page.screenshot({ path: join(SCREENS, `${name}-${colours}-${width}.png`) });
          if (width === 1280) violations.push(...(await axeViolations(page, part)));
        }
      }
      await resized(1280, 800);
      return violations;
    },
    end: async () => {
      await launched.close();
      await removeTempDir(folder);
    },
  };
}
