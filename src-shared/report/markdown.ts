/** A report for people: Markdown as GitHub has it. */
import { hex } from '../bytes/units';
import type { RamMapSource } from '../contracts/guest-bytes';
import type { Problem, SectionReport } from '../contracts/inspect';
import type { RamRange } from '../contracts/library';
import type { FileReport, ReportBlock, ReportDevice } from '../contracts/report';
import { markdownTable, markdownText, type MarkdownColumn } from './markdown-text';

/** The document that `export --to report` writes. */
export function reportMarkdown(report: FileReport): string {
  const { file, ramBlocks, ramMap, devices, sections, problems } = report;
  const parts = [
    `# ${markdownText(file.split('/').at(-1) ?? file)}`,
    markdownTable(FACTS, factsOf(report)),
    '## Findings',
    findings(problems),
    '## RAM blocks',
    ramBlocks.length === 0 ? 'None.' : markdownTable(BLOCKS, ramBlocks),
    '## Guest-physical addresses',
    ramMap.ranges.length === 0 ? MAP_SOURCES.none : MAP_SOURCES[ramMap.source],
    ...(ramMap.ranges.length === 0 ? [] : [markdownTable(RANGES, ramMap.ranges)]),
    '## Devices',
    devices.length === 0 ? 'None.' : markdownTable(DEVICES, devices),
    '## Sections',
    sections.length === 0 ? 'None.' : markdownTable(SECTIONS, sections),
  ];
  return `${parts.join('\n\n')}\n`;
}

interface Fact {
  readonly name: string;
  readonly value: string;
}

const FACTS: readonly MarkdownColumn<Fact>[] = [
  { title: 'Fact', value: ({ name }) => name },
  { title: 'Value', value: ({ value }) => value },
];

function factsOf(report: FileReport): readonly Fact[] {
  const { container, machine, capabilities, snapshot, vmDescription } = report;
  const said = (name: string, value: string): Fact => ({ name, value: markdownText(value) });
  return [
    said('File', report.file),
    { name: 'Size', value: sized(report.size) },
    { name: 'On disk', value: sized(report.bytesOnDisk) },
    said('Container', `${container.kind === 'qemu' ? 'QEMU' : 'libvirt'}, stream at ${hex(container.streamOffset)}`),
    said('Machine', machine ?? 'not known'),
    said('Capabilities', capabilities.length === 0 ? 'none' : capabilities.join(', ')),
    said('Stream', report.complete ? 'complete' : 'not complete'),
    said(
      'VM description',
      vmDescription === null ? 'none' : `${vmDescription.length} bytes at ${hex(vmDescription.offset)}`,
    ),
    ...(snapshot === null
      ? [said('Snapshot', 'none: the file alone does not say which QEMU wrote it')]
      : [
          said('Snapshot', snapshot.name),
          said('VM', `${snapshot.machineName}, ${snapshot.cpus} CPUs, ${snapshot.accelerator}`),
          said('CPU model', snapshot.cpuModel ?? 'not known'),
          said('QEMU', snapshot.qemuVersion),
          said('Saved', `${snapshot.savedAt}, ${snapshot.mode}, engine ${snapshot.engine}`),
        ]),
    said('Digests', digestsOf(report)),
  ];
}

function digestsOf({ snapshot }: FileReport): string {
  const digests = snapshot?.digests ?? null;
  return digests === null
    ? 'no'
    : `yes: ${digests.algorithm} of every ${binary(digests.unitBytes)}, in ${digests.file}`;
}

const WORDS = { error: 'Error', warning: 'Warning', note: 'Note' } as const satisfies Record<
  Problem['severity'],
  string
>;

function findings(problems: readonly Problem[]): string {
  if (problems.length === 0) return 'None.';
  return problems
    .map(({ severity, offset, message }) => {
      const place = offset === null ? '' : ` at ${hex(offset)}`;
      return `- **${WORDS[severity]}**${place}: ${markdownText(message)}`;
    })
    .join('\n');
}

const orNothing = (value: number | null, show: (value: number) => string = String): string =>
  value === null ? '' : show(value);

const BLOCKS: readonly MarkdownColumn<ReportBlock>[] = [
  { title: 'Block', value: ({ name }) => markdownText(name) },
  { title: 'Length', align: 'right', value: ({ usedLength }) => binary(usedLength) },
  { title: 'Page size', align: 'right', value: ({ pageSize }) => orNothing(pageSize) },
  { title: 'Pages', align: 'right', value: ({ pagesTotal }) => orNothing(pagesTotal) },
  { title: 'Present', align: 'right', value: ({ pagesPresent }) => orNothing(pagesPresent) },
  { title: 'Stale', align: 'right', value: ({ allocation }) => orNothing(allocation?.stale ?? null) },
  { title: 'Lost', align: 'right', value: ({ allocation }) => orNothing(allocation?.lost ?? null) },
  { title: 'Record at', align: 'right', value: ({ recordOffset }) => hex(recordOffset) },
  { title: 'Header at', align: 'right', value: ({ headerOffset }) => orNothing(headerOffset, hex) },
  { title: 'Bitmap at', align: 'right', value: ({ bitmapOffset }) => orNothing(bitmapOffset, hex) },
  { title: 'Pages at', align: 'right', value: ({ pagesOffset }) => orNothing(pagesOffset, hex) },
];

const MAP_SOURCES: Readonly<Record<RamMapSource, string>> = {
  manifest: 'As the snapshot’s manifest has them.',
  'machine-type': 'Worked out from the machine type: as it usually has them.',
  none: 'Not known.',
};

const RANGES: readonly MarkdownColumn<RamRange>[] = [
  { title: 'From', align: 'right', value: ({ guestPhysical }) => hex(guestPhysical) },
  { title: 'Length', align: 'right', value: ({ length }) => binary(length) },
  { title: 'Block', value: ({ block }) => markdownText(block) },
  { title: 'Offset in block', align: 'right', value: ({ blockOffset }) => hex(blockOffset) },
];

const DEVICES: readonly MarkdownColumn<ReportDevice>[] = [
  { title: 'Device', value: ({ name }) => markdownText(name) },
  { title: 'Instance', align: 'right', value: ({ instance }) => String(instance) },
  { title: 'Version', align: 'right', value: ({ version }) => String(version) },
  { title: 'At', align: 'right', value: ({ offset }) => hex(offset) },
  { title: 'Bytes', align: 'right', value: ({ length }) => String(length) },
  { title: 'State at', align: 'right', value: ({ dataOffset }) => hex(dataOffset) },
  { title: 'Bytes', align: 'right', value: ({ dataLength }) => String(dataLength) },
  { title: 'Fields', value: ({ described }) => (described ? 'described' : 'not described') },
];

const SECTIONS: readonly MarkdownColumn<SectionReport>[] = [
  { title: 'At', align: 'right', value: ({ offset }) => hex(offset) },
  { title: 'Section', value: ({ type }) => type },
  { title: 'Id', align: 'right', value: ({ id }) => orNothing(id) },
  { title: 'Name', value: ({ name }) => markdownText(name ?? '') },
  { title: 'Instance', align: 'right', value: ({ instance }) => orNothing(instance) },
  { title: 'Version', align: 'right', value: ({ version }) => orNothing(version) },
];

const sized = (bytes: number): string => `${binary(bytes)} (${bytes} bytes)`;

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

function binary(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${Number.isInteger(value) ? value : value.toFixed(2)} ${UNITS[unit] ?? ''}`;
}
