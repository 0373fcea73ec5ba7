import path from 'node:path';
import type { ConversionFormat } from '@shared/contracts/conversions';
import { fail } from '@shared/contracts/failure';
import { Option } from 'commander';
import type { Conversion, ConvertResult } from '../../services';
import { fileArgument, type FileArgument } from '../arguments';
import { addCommand, type Answer, type CommonOptions, type Desk, type Workplace } from '../command';
import { createConvertPrinter } from '../convert-progress';
import { duration, fileSize, printable } from '../format';
import { byteRange, type ByteRange } from '../guest-range';
import { withInterrupt, type Interrupt } from '../interrupt';

interface ExportOptions extends CommonOptions {
  readonly to: keyof typeof FORMS;
  readonly out: string;
  readonly block?: string;
  readonly range?: ByteRange;
}

const FORMS = {
  raw: 'raw',
  bytes: 'bytes',
  elf: 'elf',
  json: 'devices',
  report: 'report',
  'report-json': 'report-json',
} as const satisfies Readonly<Record<string, ConversionFormat>>;

export function addExport(desk: Desk): void {
  addCommand(desk, 'export', 'write the guest’s memory, its devices’ state or a report of the file into a new file')
    .usage('FILE[,offset=SIZE] --to FORM --out PATH [options]')
    .argument('<file>', 'a QEMU or libvirt save file, a snapshot folder, or a snapshot’s name', fileArgument)
    .addOption(
      new Option(
        '--to <form>',
        'raw: the memory of a RAM block; bytes: the file’s own bytes; elf: a core file of all memory by guest-physical address, with the CPUs; json: the devices’ state; report (Markdown), report-json: what is known of the file',
      )
        .choices(Object.keys(FORMS))
        .makeOptionMandatory(),
    )
    .requiredOption('--out <path>', 'the new file')
    .option('--block <name>', 'of raw: the RAM block, as inspect names it (default: the largest)')
    .option('--range <A-B>', 'of raw with --block, and of bytes: from offset A to before B', byteRange)
    .addHelpText(
      'after',
      '\nThe new file is written under a hidden name that ends in .stillframe-unfinished, flushed, and then renamed; it is\nnever written over anything. Ctrl-C leaves nothing. gdb, readelf, drgn and crash (of a kernel with KASLR:\n--kaslr=auto) read the core files; volatility3 was not tried. Where a file has no manifest, addresses are those that its machine type usually has.',
    )
    .action((file: FileArgument, options: ExportOptions) =>
      desk.answer(options, (workplace) =>
        withInterrupt((interrupt) => exportFile(workplace, file, options, interrupt)),
      ),
    );
}

async function exportFile(
  { services, surroundings, terminal }: Workplace,
  file: FileArgument,
  { to, out, block, range }: ExportOptions,
  interrupt: Interrupt,
): Promise<Answer> {
  if (to !== 'raw' && block !== undefined) throw usage('--block goes with --to raw');
  if (to !== 'bytes' && range !== undefined && block === undefined)
    throw usage('--range goes with --block, or --to bytes');
  if (to === 'bytes' && range === undefined) throw usage('--to bytes needs a --range');
  const abort = new AbortController();
  const printer = createConvertPrinter(terminal);
  interrupt.onAsked(() => {
    printer.end();
    terminal.err('Cancelling.\n');
    abort.abort();
  });
  const conversion: Conversion = {
    from: { kind: 'file', reference: referenceOf(file) },
    to: FORMS[to],
    block: block ?? null,
    range: range ?? null,
    out: { kind: 'file', path: path.resolve(surroundings.cwd, out) },
  };
  try {
    const result = await services.conversions.convert(conversion, {
      onProgress: (progress) => printer.show(progress),
      signal: abort.signal,
    });
    return { json: { ...result, to }, text: textOf(result, to), good: true };
  } finally {
    printer.end();
  }
}

/** As the library takes it. */
const referenceOf = ({ path: given, streamOffset }: FileArgument): string =>
  streamOffset === null ? given : `${given},offset=${streamOffset}`;

function textOf({ out, bytesWritten, pages, timings }: ConvertResult, to: ExportOptions['to']): string {
  const what = WORDS[to] ?? `${pages} pages`;
  return `Exported ${what}: ${fileSize(bytesWritten)} in ${duration(timings.totalMs)}.\n${printable(out)}`;
}

/** Of the others it is said how many pages they have. */
const WORDS: Partial<Record<ExportOptions['to'], string>> = {
  json: 'device state',
  report: 'a report',
  'report-json': 'a report',
  bytes: 'bytes',
};

const usage = (what: string): Error => fail('usage', 'exporting', what, 'stillframe export --help shows them.');
