import { hex } from '@shared/bytes/units';
import type { StringEncoding } from '@shared/contracts/strings';
import { driveStrings, type PlacedString } from '@shared/strings/drive';
import { Option } from 'commander';
import { fileArgument, wholeNumberFrom, type FileArgument } from '../arguments';
import { addCommand, type Answer, type CommonOptions, type Desk, type Workplace } from '../command';
import { duration, printable, ramSize } from '../format';
import { byteRange, rangesMeant, type ByteRange } from '../guest-range';
import { withFile, withWorkers, workersHere } from '../lease';

interface StringsOptions extends CommonOptions {
  readonly min: number;
  readonly encoding: StringEncoding;
  readonly filter?: string;
  readonly block?: string;
  readonly range?: ByteRange;
  readonly max?: number;
}

/** Strings in one JSON document when nothing else is said; as lines they are not counted. */
const MOST_IN_JSON = 100_000;

export function addStrings(desk: Desk): void {
  addCommand(desk, 'strings', 'print the strings in the guest’s memory, with where they are')
    .usage('FILE[,offset=SIZE] [options]')
    .argument('<file>', 'a mapped-ram file, a snapshot folder, or a snapshot’s name', fileArgument)
    .option('--min <characters>', 'fewest characters of a string', wholeNumberFrom(2, 1000), 6)
    .addOption(
      new Option('--encoding <name>', 'what is a string: utf16 is ASCII in UTF-16, low byte first')
        .choices(['ascii', 'utf8', 'utf16'])
        .default('ascii'),
    )
    .option('--filter <text>', 'only those that have this text in them, whatever its case')
    .option('--block <name>', 'only in this RAM block')
    .option(
      '--range <A-B>',
      'only those that begin from A to before B: offsets in the --block, else guest-physical',
      byteRange,
    )
    .option('--max <number>', `stop behind this many (default: all; ${MOST_IN_JSON} with --json)`, wholeNumberFrom(1))
    .action((file: FileArgument, options: StringsOptions) =>
      desk.answer(options, (workplace) => strings(workplace, file, options)),
    );
}

async function strings(workplace: Workplace, file: FileArgument, options: StringsOptions): Promise<Answer> {
  const { encoding, min: least, filter = '', json = false } = options;
  const most = options.max ?? (json ? MOST_IN_JSON : Infinity);
  return withFile(workplace, file, (lent) =>
    withWorkers(workplace, workersHere(), async (workers) => {
      const [first] = workers;
      if (first === undefined) throw new Error('no worker was taken');
      const { map, source } = await first.ramMap(lent.lease, lent.ramMap);
      const ranges = await rangesMeant(first, lent, options.block, options.range);
      const request = { encoding, least, filter, ranges };
      const opening = performance.now();
      const plans = await Promise.all(workers.map((one) => one.openStrings(lent.lease, request)));
      const plan = plans[0] ?? { units: 0, bytes: 0, blocks: [] };
      const began = performance.now();
      const listed: PlacedString[] = [];
      let [count, searchedBytes] = [0, 0];
      for await (const part of driveStrings(workers, plan, { most, ramMap: map })) {
        count += part.strings.length;
        ({ searchedBytes } = part);
        if (json) listed.push(...part.strings);
        else if (part.strings.length > 0)
          await workplace.terminal.out(part.strings.map((one) => `${line(one)}\n`).join(''));
      }
      const timings = { totalMs: performance.now() - began, openMs: began - opening };
      const text = `${count} strings. ${ramSize(searchedBytes)} of present pages read in ${duration(timings.totalMs)}.`;
      return {
        json: { strings: listed, more: count >= most, searchedBytes, ramMap: source, timings },
        text,
        good: true,
      };
    }),
  );
}

const line = ({ block, blockOffset, text, length }: PlacedString): string =>
  `${printable(block)}+${hex(blockOffset)}  ${printable(text.replaceAll('\t', ' '))}${length > text.length * 4 ? '…' : ''}`;
