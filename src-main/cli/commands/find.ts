import { hex } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import type { RamMapSource } from '@shared/contracts/guest-bytes';
import type { SearchHit, SearchWhat } from '@shared/contracts/search';
import { driveSearch } from '@shared/search/drive';
import { readNeedle } from '@shared/search/needle';
import { Option } from 'commander';
import { fileArgument, wholeNumberFrom, type FileArgument } from '../arguments';
import { addCommand, type Answer, type CommonOptions, type Desk, type Workplace } from '../command';
import { duration, printable, ramSize } from '../format';
import { byteRange, rangesMeant, type ByteRange } from '../guest-range';
import { withFile, withWorkers, workersHere } from '../lease';

interface FindOptions extends CommonOptions {
  readonly text?: string;
  readonly hex?: string;
  readonly regex?: string;
  readonly int?: string;
  readonly utf16?: true;
  readonly ignoreCase?: true;
  readonly endian: 'little' | 'big';
  readonly width?: '1' | '2' | '4' | '8';
  readonly block?: string;
  readonly range?: ByteRange;
  readonly max: number;
}

/** Hits that are handed out when nothing else is said. */
const DEFAULT_MOST = 100_000;

export function addFind(desk: Desk): void {
  addCommand(desk, 'find', 'search the guest’s memory for text, bytes, a regular expression or a number')
    .usage('FILE[,offset=SIZE] --text S | --hex "de ?? be" | --regex R | --int N [options]')
    .argument('<file>', 'a mapped-ram file, a snapshot folder, or a snapshot’s name', fileArgument)
    .option('--text <text>', 'characters, in UTF-8 unless --utf16')
    .option('--hex <bytes>', 'bytes in hexadecimal; ? stands for any digit')
    .option('--regex <pattern>', 'a regular expression on bytes; . is any byte but newline, \\xff a byte')
    .option('--int <number>', 'a whole number, decimal or 0x…')
    .option('--utf16', 'with --text: as UTF-16, in the byte order of --endian')
    .option('--ignore-case', 'with --text and --regex: letters match either case')
    .addOption(
      new Option('--endian <order>', 'byte order of --int and --utf16').choices(['little', 'big']).default('little'),
    )
    .addOption(
      new Option('--width <bytes>', 'bytes of --int (default: 4, or 8 where it needs them)').choices([
        '1',
        '2',
        '4',
        '8',
      ]),
    )
    .option('--block <name>', 'only in this RAM block')
    .option(
      '--range <A-B>',
      'only hits from A to before B: offsets in the --block, else guest-physical addresses',
      byteRange,
    )
    .option('--max <number>', 'stop behind this many hits', wholeNumberFrom(1), DEFAULT_MOST)
    .action((file: FileArgument, options: FindOptions) =>
      desk.answer(options, (workplace) => find(workplace, file, options)),
    );
}

interface FindReport {
  readonly hits: readonly SearchHit[];
  /** Whether the search stopped at --max. */
  readonly more: boolean;
  readonly searchedBytes: number;
  readonly ramMap: RamMapSource;
  /** `totalMs` is the search itself. */
  readonly timings: { readonly totalMs: number; readonly openMs: number };
}

async function find(workplace: Workplace, file: FileArgument, options: FindOptions): Promise<Answer> {
  const what = whatOf(options);
  const apart = readNeedle(what).kind === 'regex';
  return withFile(workplace, file, (lent) =>
    withWorkers(workplace, workersHere(), async (workers) => {
      const [first] = workers;
      if (first === undefined) throw new Error('no worker was taken');
      const request = { what, ranges: await rangesMeant(first, lent, options.block, options.range) };
      const hits: SearchHit[] = [];
      let [searchedBytes, count] = [0, 0];
      const opening = performance.now();
      const plans = await Promise.all(workers.map((one) => one.openSearch(lent.lease, request, lent.ramMap)));
      const plan = plans[0] ?? { units: 0, bytes: 0, ramMap: 'none' as const };
      const began = performance.now();
      for await (const step of driveSearch(workers, plan, { most: options.max, apart })) {
        ({ searchedBytes } = step);
        count += step.hits.length;
        if (options.json === true) hits.push(...step.hits);
        else if (step.hits.length > 0) await workplace.terminal.out(`${step.hits.map(line).join('\n')}\n`);
      }
      const timings = { totalMs: performance.now() - began, openMs: began - opening };
      const more = count >= options.max;
      const report: FindReport = { hits, more, searchedBytes, ramMap: plan.ramMap, timings };
      return { json: report, text: summary(count, report), good: true };
    }),
  );
}

function whatOf(options: FindOptions): SearchWhat {
  const { text, hex: bytes, regex, int, endian, width, utf16 = false, ignoreCase = false } = options;
  const kinds = [text, bytes, regex, int].filter((one) => one !== undefined);
  if (kinds.length !== 1) throw usage('Exactly one of --text, --hex, --regex and --int is needed');
  if (utf16 && text === undefined) throw usage('--utf16 goes with --text');
  if (ignoreCase && text === undefined && regex === undefined)
    throw usage('--ignore-case goes with --text and --regex');
  if (width !== undefined && int === undefined) throw usage('--width goes with --int');
  if (text !== undefined) {
    const encoding = !utf16 ? 'utf8' : endian === 'little' ? 'utf16le' : 'utf16be';
    return { kind: 'text', text, encoding, ignoreCase };
  }
  if (bytes !== undefined) return { kind: 'hex', hex: bytes };
  if (regex !== undefined) return { kind: 'regex', pattern: regex, ignoreCase };
  const bytesOf = { '1': 1, '2': 2, '4': 4, '8': 8 } as const;
  return { kind: 'int', value: int ?? '', width: width === undefined ? null : bytesOf[width], endian };
}

const usage = (what: string): Error => fail('usage', 'searching', what, 'stillframe find --help shows them.');

function line(hit: SearchHit): string {
  const guest = hit.guestPhysical === null ? '' : `  guest-physical ${hex(hit.guestPhysical)}`;
  const place = hit.present ? `file ${hex(hit.fileOffset)}` : 'begins in an absent page';
  return `${printable(hit.block)}+${hex(hit.blockOffset)}  page ${hit.page}${guest}  ${place}  ${hit.context}`;
}

function summary(count: number, { more, searchedBytes, ramMap, timings }: FindReport): string {
  const hits = `${count === 0 ? 'Not found' : count === 1 ? '1 hit' : `${count} hits`}${more ? ', and there may be more' : ''}`;
  const source = ramMap === 'machine-type' ? ' Guest-physical addresses are as the machine type usually has them.' : '';
  return `${hits}. ${ramSize(searchedBytes)} of present pages searched in ${duration(timings.totalMs)}.${source}`;
}
