/**
 * The matrix of QEMU's mapped-ram series, QEMU and Stillframe side by side: every way to save to a file, with the guest
 * running and stopped, on this machine, in one run.
 */
import { mkdir, rm, statfs } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildWorker } from '../../support/services';
import { makeTempDir, removeTempDir } from '../../support/temp';
import { Bounds } from './bounds';
import { qemuModes } from './qemu-modes';
import { openStillframe } from './stillframe';
import { stillframeModes } from './stillframe-modes';
import { syntheticModes } from './synthetic-modes';
import { tableOf, type Row } from './table';
import type { Mode, Run } from './types';
import { startBenchVm, type BenchVm } from './vm';

const TMPFS_MAGIC = 0x01021994;

interface Options {
  readonly only: RegExp;
  readonly repeat: number;
  readonly memoryMiB: number;
  readonly limitMs: number;
}

function optionsOf(words: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...words],
    options: {
      only: { type: 'string', default: '' },
      repeat: { type: 'string', default: '3' },
      memory: { type: 'string', default: '1024' },
      limit: { type: 'string', default: '15' },
    },
  });
  return {
    only: new RegExp(values.only, 'i'),
    repeat: Number(values.repeat),
    memoryMiB: Number(values.memory),
    limitMs: Number(values.limit) * 1000,
  };
}

/** Runs it; answers the exit code: 1 when a condition does not hold, or nothing was measured. */
export async function matrixBench(words: readonly string[]): Promise<number> {
  const options = optionsOf(words);
  // Undone from the last to the first, also when the run is broken off.
  const undo: (() => Promise<unknown>)[] = [];
  const undoAll = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void undoAll().finally(() => process.exit(1)));
  }
  try {
    const folder = await makeTempDir('matrix');
    undo.push(() => removeTempDir(folder));
    const worker = await buildWorker();
    undo.push(worker.remove);
    const vm = await startBenchVm(folder, options.memoryMiB);
    undo.push(vm.end);
    const stillframe = await openStillframe(folder, worker, vm);
    undo.push(stillframe.end);
    const modes = inOrder([...qemuModes, ...stillframeModes(stillframe), ...syntheticModes(stillframe)]);
    const rows = await measure(vm, folder, modes, options);
    console.log(`\n${await describe(vm, folder, options)}\n\n${tableOf(rows, vm.ramBytes)}\n`);
    const broken = [...new Set(rows.flatMap(violationsOf))];
    for (const line of broken) console.log(`violated: ${line}`);
    return broken.length === 0 && rows.length > 0 ? 0 : 1;
  } finally {
    await undoAll();
  }
}

/** As QEMU's modes are, each followed by ours of the same name and state of the guest. */
function inOrder(modes: readonly Mode[]): readonly Mode[] {
  const place = ({ name, live }: Mode): number => modes.findIndex((mode) => mode.name === name && mode.live === live);
  return modes.toSorted((a, b) => place(a) - place(b));
}

const titleOf = ({ name, who, live, flush }: Mode): string =>
  `${name}, ${who}, guest ${live ? 'runs' : 'stopped'}, flush ${flush}`;

/** All modes, one after another, and that as often as asked for: what changes on the machine meanwhile meets all alike. */
async function measure(
  vm: BenchVm,
  folder: string,
  modes: readonly Mode[],
  { only, repeat, limitMs }: Options,
): Promise<readonly Row[]> {
  const chosen = modes.filter((mode) => only.test(titleOf(mode)));
  const rows = new Map(chosen.map((mode) => [mode, { runs: [] as Run[], failed: null as string | null }]));
  const bounds = new Bounds();
  for (let round = 1; round <= repeat; round++) {
    for (const [mode, row] of rows) {
      if (row.failed !== null) continue;
      const place = join(folder, 'run');
      await mkdir(place);
      try {
        await vm.runOn();
        const run = await mode.run({ vm, folder: place, limitMs, bounds });
        row.runs.push(run);
        console.log(`${round}/${repeat} ${titleOf(mode)}: ${(run.saveMs / 1000).toFixed(2)} s`);
      } catch (error) {
        row.failed = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
        console.log(`${round}/${repeat} ${titleOf(mode)}: ${row.failed}`);
      } finally {
        await rm(place, { recursive: true, force: true });
      }
    }
  }
  return [...rows].map(([mode, row]) => ({ mode, ...row }));
}

function violationsOf({ mode, runs, failed }: Row): readonly string[] {
  const found = [...runs.flatMap(({ violations }) => violations), ...(failed === null ? [] : [failed])];
  return found.map((line) => `${titleOf(mode)}: ${line}`);
}

async function describe(vm: BenchVm, folder: string, { repeat }: Options): Promise<string> {
  const { type } = await statfs(folder);
  const on = type === TMPFS_MAGIC ? 'tmpfs, which is NO disk' : `file system type 0x${type.toString(16)}`;
  return (
    `QEMU ${vm.version} with TCG, demo guest of ${vm.ramBytes / 2 ** 20} MiB that writes every page in a loop, ` +
    `${cpus().length} CPUs, ${on}, medians of ${repeat}`
  );
}
