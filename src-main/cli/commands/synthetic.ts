import path from 'node:path';
import type { SyntheticGuestOptions, SyntheticReport, SyntheticSaveOptions } from '@shared/contracts/synthetic';
import { Option } from 'commander';
import { SyntheticGuest } from '../../synthetic/guest';
import { saveSynthetic } from '../../synthetic/save';
import { wholeNumberFrom } from '../arguments';
import { addCommand, type Answer, type CommonOptions, type Desk, type Workplace } from '../command';
import { duration, fileSize, printable, rate, table } from '../format';
import { withInterrupt, type Interrupt } from '../interrupt';

interface SyntheticArguments extends CommonOptions {
  readonly out: string;
  readonly memory: number;
  readonly workingSet: number;
  readonly rate: number;
  readonly zero: number;
  readonly zeroAgain: number;
  readonly seed: number;
  readonly channels: number;
  readonly directIo?: true;
  readonly downtime: number;
  readonly paused?: true;
  readonly maxPasses: number;
  readonly seconds?: number;
  readonly limit?: number;
}

const MIB = 1024 * 1024;
const PAGE_SIZE = 4096;

export function addSynthetic(desk: Desk): void {
  addCommand(
    desk,
    'synthetic',
    'save a guest that only writes to its memory: precopy without QEMU, to measure and to learn',
  )
    .requiredOption('--out <file>', 'the mapped-ram file to write; nothing may be there')
    .option('--memory <MiB>', 'memory of the guest', wholeNumberFrom(1, 1024 * 1024), 1024)
    .option(
      '--working-set <MiB>',
      'the part of it that is written again and again',
      wholeNumberFrom(0, 1024 * 1024),
      128,
    )
    .option('--rate <MiB/s>', 'pages written in a second; 0: as many as it can', wholeNumberFrom(0), 256)
    .option('--zero <percent>', 'pages that nobody wrote to before', wholeNumberFrom(0, 100), 25)
    .option('--zero-again <percent>', 'writes that fill a page with zeros', wholeNumberFrom(0, 100), 0)
    .option('--seed <number>', 'same seed, same memory at the start', wholeNumberFrom(0), 1)
    .option('--channels <number>', 'multifd channels, 1 to 16', wholeNumberFrom(1, 16), 2)
    .option('--direct-io', 'write past the page cache')
    .addOption(new Option('--live', 'the guest runs while its memory is written (default)').conflicts('paused'))
    .option('--paused', 'freeze the guest first')
    .option('--downtime <ms>', 'how long it may stand still in the end', wholeNumberFrom(0), 300)
    .option('--max-passes <number>', 'then it is frozen, however much is left', wholeNumberFrom(2), 30)
    .option('--seconds <number>', 'a live save that takes longer is finished with the guest frozen', wholeNumberFrom(1))
    .option('--limit <MB/s>', 'write no faster than this', wholeNumberFrom(1))
    .action((options: SyntheticArguments) =>
      desk.answer(options, (workplace) => withInterrupt((interrupt) => synthetic(workplace, options, interrupt))),
    );
}

async function synthetic(
  { services, surroundings, terminal }: Workplace,
  options: SyntheticArguments,
  interrupt: Interrupt,
): Promise<Answer> {
  const cancel = new AbortController();
  interrupt.onAsked(() => {
    terminal.err('Cancelling.\n');
    cancel.abort();
  });
  services.channels.warm(options.channels);
  const guest = await SyntheticGuest.make(services, guestOptions(options));
  try {
    if (options.paused !== true) await guest.run();
    return answerOf(await saveSynthetic(services, guest, saveOptions(options, surroundings.cwd), cancel.signal));
  } finally {
    await guest.end();
  }
}

const guestOptions = (options: SyntheticArguments): SyntheticGuestOptions => ({
  ramBytes: options.memory * MIB,
  pageSize: PAGE_SIZE,
  workingSetBytes: Math.min(options.workingSet, options.memory) * MIB,
  mibPerSecond: options.rate,
  zeroShare: options.zero / 100,
  zeroAgainShare: options.zeroAgain / 100,
  seed: options.seed,
});

const saveOptions = (options: SyntheticArguments, cwd: string): SyntheticSaveOptions => ({
  out: path.resolve(cwd, options.out),
  mode: options.paused === true ? 'paused' : 'live',
  channels: options.channels,
  directIo: options.directIo === true,
  downtimeMs: options.downtime,
  mostPasses: options.maxPasses,
  liveLimitSeconds: options.seconds ?? null,
  bytesPerSecond: options.limit === undefined ? null : options.limit * 1e6,
});

function answerOf(report: SyntheticReport): Answer {
  const { passes, why, downtimeMs, totalMs, flushMs, fileBytes, allocatedBytes, mbPerSecond, cpuSecondsPerGiB } =
    report;
  const lines = [
    table(
      [
        { title: 'PASS', align: 'right', value: ({ number }) => String(number) },
        { title: 'PAGES', align: 'right', value: ({ pages }) => String(pages) },
        { title: 'WRITTEN', align: 'right', value: ({ bytes }) => fileSize(bytes) },
        { title: 'TIME', align: 'right', value: ({ ms }) => duration(ms) },
        {
          title: 'CHANGED MEANWHILE',
          align: 'right',
          value: ({ dirtied }) => (dirtied === null ? '' : String(dirtied)),
        },
      ],
      passes,
    ),
    ...(why === null ? [] : [`${why} The rest was copied with the guest frozen.`]),
    `${rate(mbPerSecond * 1e6)}, guest frozen ${duration(downtimeMs)}, ${cpuSecondsPerGiB.toFixed(2)} CPU seconds per GiB`,
    `Saved in ${duration(totalMs)}, ${duration(flushMs)} of them to flush: ${fileSize(fileBytes)}, ${fileSize(allocatedBytes)} on disk.`,
    printable(report.file),
  ];
  return { json: report, text: lines.join('\n'), good: true };
}
