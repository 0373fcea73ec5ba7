/**
 * The matrix of QEMU's mapped-ram series, QEMU and Stillframe side by side: every way to save to a file, with the guest
 * running and stopped, on this machine, in one run. Ends with 1 when a condition of it does not hold.
 */
import { mkdir, rm, statfs } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeTempDir, removeTempDir } from '../../support/temp';
import { Bounds } from './bounds';
import { qemuModes } from './qemu-modes';
import { tableOf, type Row } from './table';
import type { Mode, Run } from './types';
import { openStillframe } from './stillframe';
import { stillframeModes } from './stillframe-modes';
import { startBenchVm, type BenchVm } from './vm';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    repeat: { type: 'string', default: '3' },
    memory: { type: 'string', default: '1024' },
    limit: { type: 'string', default: '15' },
    worker: { type: 'string', default: '' },
  },
});
const wanted = new RegExp(values.only, 'i');
const repeat = Number(values.repeat);
const limitMs = Number(values.limit) * 1000;

const titleOf = ({ name, who, live, flush }: Mode): string =>
  `${name}, ${who}, guest ${live ? 'runs' : 'stopped'}, flush ${flush}`;

const folder = await makeTempDir('matrix');
process.exitCode = 1;
try {
  const vm = await startBenchVm(folder, Number(values.memory));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void vm.end().finally(() => removeTempDir(folder).finally(() => process.exit(1))));
  }
  try {
    const stillframe = await openStillframe(folder, values.worker, vm);
    const rows = await measure(vm, inOrder([...qemuModes, ...stillframeModes(stillframe)])).finally(stillframe.end);
    console.log(`\n${await machine(vm)}\n\n${tableOf(rows, vm.ramBytes)}\n`);
    const broken = [...new Set(rows.flatMap(violationsOf))];
    for (const line of broken) console.log(`violated: ${line}`);
    if (broken.length === 0 && rows.length > 0) process.exitCode = 0;
  } finally {
    await vm.end();
  }
} finally {
  await removeTempDir(folder);
}

/** All modes, one after another, and that as often as asked for: what changes on the machine meanwhile meets all alike. */
async function measure(vm: BenchVm, modes: readonly Mode[]): Promise<readonly Row[]> {
  const chosen = modes.filter((mode) => wanted.test(titleOf(mode)));
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

/** As QEMU's modes are, each followed by ours of the same name and state of the guest. */
function inOrder(modes: readonly Mode[]): readonly Mode[] {
  const place = ({ name, live }: Mode): number => modes.findIndex((mode) => mode.name === name && mode.live === live);
  return modes.toSorted((a, b) => place(a) - place(b));
}

function violationsOf({ mode, runs, failed }: Row): readonly string[] {
  const found = [...runs.flatMap(({ violations }) => violations), ...(failed === null ? [] : [failed])];
  return found.map((line) => `${titleOf(mode)}: ${line}`);
}

async function machine(vm: BenchVm): Promise<string> {
  const { type } = await statfs(folder);
  const on = type === 0x01021994 ? 'tmpfs: NOT a disk' : `file system type 0x${type.toString(16)}`;
  return (
    `QEMU ${vm.version} with TCG, demo guest of ${vm.ramBytes / 2 ** 20} MiB that writes every page in a loop, ` +
    `${cpus().length} CPUs, ${on}, medians of ${repeat}`
  );
}
