import { hex } from '@shared/bytes/units';
import type { RamRange } from '@shared/contracts/library';
import type { FoundString, StringEncoding } from '@shared/contracts/strings';
import { inTurn } from '@shared/parallel/in-turn';
import { guestPhysicalOf } from '@shared/ram-map/places';
import { Option } from 'commander';
import { fileArgument, wholeNumberFrom, type FileArgument } from '../arguments';
import { addCommand, type Answer, type CommonOptions, type Desk, type Workplace } from '../command';
import { duration, printable, ramSize } from '../format';
import { byteRange, rangesMeant, type ByteRange } from '../guest-range';
import { withFile, withWorkers, workersHere } from '../lease';

interface StringsOptions extends CommonOptions {
  readonly min: number;
  readonly encoding: StringEncoding;
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

interface PlacedString extends FoundString {
  readonly block: string;
  readonly guestPhysical: number | null;
  readonly fileOffset: number;
}

async function strings(workplace: Workplace, file: FileArgument, options: StringsOptions): Promise<Answer> {
  const { encoding, min: least, json = false } = options;
  const most = options.max ?? (json ? MOST_IN_JSON : Infinity);
  return withFile(workplace, file, (lent) =>
    withWorkers(workplace, workersHere(), async (workers) => {
      const [first] = workers;
      if (first === undefined) throw new Error('no worker was taken');
      const { map, source } = await first.ramMap(lent.lease, lent.ramMap);
      const ranges = await rangesMeant(first, lent, options.block, options.range);
      const request = { encoding, least, ranges };
      const opening = performance.now();
      const plans = await Promise.all(workers.map((one) => one.openStrings(lent.lease, request)));
      const plan = plans[0] ?? { units: 0, bytes: 0, blocks: [] };
      const began = performance.now();
      const listed: PlacedString[] = [];
      let [count, searchedBytes] = [0, 0];
      for await (const { answer } of inTurn(workers, plan.units, (worker, unit) => worker.stringsUnit(unit))) {
        const found = answer.strings.slice(0, most - count);
        count += found.length;
        searchedBytes += answer.bytes;
        const pagesOffset = plan.blocks.find(({ name }) => name === answer.block)?.pagesOffset ?? 0;
        if (json) listed.push(...found.map((one) => placed(one, answer.block, pagesOffset, map)));
        else if (found.length > 0) {
          await workplace.terminal.out(found.map((one) => `${line(one, answer.block)}\n`).join(''));
        }
        if (count >= most) break;
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

const placed = (one: FoundString, block: string, pagesOffset: number, map: readonly RamRange[]): PlacedString => ({
  block,
  ...one,
  guestPhysical: guestPhysicalOf(map, block, one.blockOffset),
  fileOffset: pagesOffset + one.blockOffset,
});

const line = ({ blockOffset, text, length }: FoundString, block: string): string =>
  `${printable(block)}+${hex(blockOffset)}  ${printable(text.replaceAll('\t', ' '))}${length > text.length * 4 ? '…' : ''}`;
