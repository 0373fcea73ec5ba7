import path from 'node:path';
import type { ConversionFormat } from '@shared/contracts/conversions';
import { fail } from '@shared/contracts/failure';
import { Option } from 'commander';
import type { ConvertResult } from '../../services';
import { isTransport, parseTransport } from '../../files/transport';
import { addCommand, type Answer, type CommonOptions, type Desk, type Workplace } from '../command';
import { createConvertPrinter } from '../convert-progress';
import { duration, fileSize, printable } from '../format';
import { withInterrupt, type Interrupt } from '../interrupt';

interface ConvertArguments extends CommonOptions {
  readonly to: ConversionFormat;
  readonly block?: string;
}

export function addConvert(desk: Desk): void {
  addCommand(desk, 'convert', 'make a file of another form of a saved VM')
    .usage('IN OUT --to FORM [options]')
    .argument(
      '<in>',
      'a QEMU or libvirt save file, a snapshot folder, a name in the library, file:PATH, or fd:N; - is fd:0',
    )
    .argument('<out>', 'the new file, or fd:N: an empty file, and for a stream also a pipe')
    .addOption(
      new Option('--to <form>', 'mapped-ram, stream (as any QEMU loads it), or raw (the memory of one RAM block)')
        .choices(['mapped-ram', 'stream', 'raw'])
        .makeOptionMandatory(),
    )
    .option('--block <name>', 'of raw: the RAM block, as inspect names it (default: the largest)')
    .addHelpText(
      'after',
      '\nIN may be FILE,offset=SIZE. OUT is written under a hidden name that ends in .stillframe-unfinished, flushed, and then\nrenamed; it is never written over anything. Ctrl-C leaves nothing.',
    )
    .action((from: string, out: string, options: ConvertArguments) =>
      desk.answer(options, (workplace) =>
        withInterrupt((interrupt) => convert(workplace, from, out, options, interrupt)),
      ),
    );
}

async function convert(
  { services, surroundings, terminal }: Workplace,
  from: string,
  out: string,
  { to, block }: ConvertArguments,
  interrupt: Interrupt,
): Promise<Answer> {
  if (block !== undefined && to !== 'raw') {
    throw fail('usage', 'converting', '--block goes with --to raw alone', 'stillframe convert --help shows both.');
  }
  const source = endOf(from === '-' ? 'fd:0' : from);
  const target = endOf(out);
  const abort = new AbortController();
  const printer = createConvertPrinter(terminal);
  interrupt.onAsked(() => {
    printer.end();
    terminal.err('Cancelling.\n');
    abort.abort();
  });
  try {
    const result = await services.conversions.convert(
      {
        from: typeof source === 'string' ? { kind: 'file', reference: source } : { kind: 'descriptor', fd: source },
        to,
        block: block ?? null,
        range: null,
        out:
          typeof target === 'string'
            ? { kind: 'file', path: path.resolve(surroundings.cwd, target) }
            : { kind: 'descriptor', fd: target },
      },
      { onProgress: (progress) => printer.show(progress), signal: abort.signal },
    );
    return { json: result, text: textOf(result), good: true };
  } finally {
    printer.end();
  }
}

/** The descriptor or the name that a word stands for. `channel.not-seekable` for a transport that has no places. */
function endOf(text: string): number | string {
  if (!isTransport(text)) return text;
  const transport = parseTransport(text);
  switch (transport.kind) {
    case 'fd':
      return transport.fd;
    case 'file':
      return transport.streamOffset === null ? transport.path : `${transport.path},offset=${transport.streamOffset}`;
    case 'fdset':
      throw fail('usage', 'converting', 'sets of descriptors are QEMU’s own', 'Give the descriptor itself: fd:N.', {
        where: { field: text },
      });
  }
}

function textOf({ out, from, to, bytesWritten, pages, zeroPages, timings }: ConvertResult): string {
  const how = `${fileSize(bytesWritten)} in ${duration(timings.totalMs)}, ${pages} pages and ${zeroPages} zero pages`;
  return `Converted ${from} to ${to}: ${how}.\n${printable(out)}`;
}
