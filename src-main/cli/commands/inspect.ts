import { hex } from '@shared/bytes/units';
import type { BlockReport, InspectReport, SectionReport } from '@shared/contracts/inspect';
import { fileArgument, type FileArgument } from '../arguments';
import { addCommand, type Answer, type CommonOptions, type Desk } from '../command';
import { fileSize, printable, ramSize, table } from '../format';
import { withLease } from '../lease';

export function addInspect(desk: Desk): void {
  addCommand(desk, 'inspect', 'show what is in a file: container, RAM blocks, sections, problems')
    .usage('FILE[,offset=SIZE] [options]')
    .argument('<file>', 'a QEMU or libvirt save file, or a snapshot folder', fileArgument)
    .addHelpText('after', '\nExit code 1: the file is not complete, or something in it is wrong.')
    .action((file: FileArgument, options: CommonOptions) =>
      desk.answer(options, async (workplace) => {
        const report = await withLease(workplace, file, (worker, { lease }) => worker.inspect(lease));
        return answer(report);
      }),
    );
}

function answer(report: InspectReport): Answer {
  const good = report.complete && report.problems.every(({ severity }) => severity !== 'error');
  return { json: report, text: textOf(report), good };
}

function textOf(report: InspectReport): string {
  const { container, machine, capabilities, vmDescription } = report;
  return [
    `${printable(report.file)}: ${fileSize(report.size)}, ${container.kind} container, stream at ${hex(container.streamOffset)}`,
    `Machine ${printable(machine ?? 'unknown')}, capabilities: ${capabilities.length === 0 ? 'none' : printable(capabilities.join(', '))}`,
    report.complete ? 'The stream is complete.' : 'The stream is not complete.',
    ...report.problems.map(
      ({ severity, offset, message }) =>
        `${severity}${offset === null ? '' : ` at ${hex(offset)}`}: ${printable(message)}`,
    ),
    '',
    blockTable(report.ramBlocks),
    '',
    sectionTable(report.sections),
    ...(vmDescription === null
      ? []
      : ['', `VM description at ${hex(vmDescription.offset)}, ${fileSize(vmDescription.length)}`]),
  ].join('\n');
}

const orNothing = (value: number | null, show: (value: number) => string): string =>
  value === null ? '' : show(value);

function blockTable(blocks: readonly BlockReport[]): string {
  return table<BlockReport>(
    [
      { title: 'BLOCK', value: ({ name }) => name },
      { title: 'LENGTH', align: 'right', value: ({ usedLength }) => ramSize(usedLength) },
      { title: 'RECORD', align: 'right', value: ({ recordOffset }) => hex(recordOffset) },
      { title: 'BITMAP', align: 'right', value: ({ bitmapOffset }) => orNothing(bitmapOffset, hex) },
      { title: 'PAGES AT', align: 'right', value: ({ pagesOffset }) => orNothing(pagesOffset, hex) },
      { title: 'PRESENT', align: 'right', value: ({ pagesPresent }) => orNothing(pagesPresent, String) },
      { title: 'OF', align: 'right', value: ({ pagesTotal }) => orNothing(pagesTotal, String) },
    ],
    blocks,
  );
}

function sectionTable(sections: readonly SectionReport[]): string {
  return table<SectionReport>(
    [
      { title: 'OFFSET', align: 'right', value: ({ offset }) => hex(offset) },
      { title: 'SECTION', value: ({ type }) => type },
      { title: 'ID', align: 'right', value: ({ id }) => orNothing(id, String) },
      { title: 'NAME', value: ({ name }) => name ?? '' },
      { title: 'INSTANCE', align: 'right', value: ({ instance }) => orNothing(instance, String) },
      { title: 'VERSION', align: 'right', value: ({ version }) => orNothing(version, String) },
    ],
    sections,
  );
}
