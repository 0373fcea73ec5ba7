import { hex } from '@shared/bytes/units';
import type { AddressCounts, ApartBlock, DeviceDiff, FieldDiff, FieldScalar, PageCounts } from '@shared/contracts/diff';
import type { WorkerApi } from '@shared/contracts/worker';
import { AddressSummary } from '@shared/diff/by-address';
import { driveDiff, type BlockDiff } from '@shared/diff/drive';
import { unlikeness } from '@shared/diff/likeness';
import { diffLayout, type LayoutDiff, type LayoutPart } from '@shared/diff/layout';
import { fileArgument, type FileArgument } from '../arguments';
import { addCommand, type Answer, type CommonOptions, type Desk, type Workplace } from '../command';
import { duration, printable, ramSize, table } from '../format';
import { withFile, withWorkers, workersHere } from '../lease';

interface DiffOptions extends CommonOptions {
  readonly block?: string;
  readonly layout?: true;
}

/** Fields and runs of pages that the text lists; `--json` has all. */
const MOST_LINES = 20;

export function addDiff(desk: Desk): void {
  addCommand(desk, 'diff', 'compare two snapshots: pages added, removed, changed, and device fields that differ')
    .usage('A[,offset=SIZE] B[,offset=SIZE] [options]')
    .argument('<a>', 'a mapped-ram file, a snapshot folder, or a snapshot’s name', fileArgument)
    .argument('<b>', 'another one of the same VM', fileArgument)
    .option('--block <name>', 'only this RAM block')
    .option('--layout', 'compare the structure of the two files instead: what parts they have, how long, and where')
    .addHelpText('after', '\nA page that is not in a file is the same as a page of zeros.')
    .action((a: FileArgument, b: FileArgument, options: DiffOptions) =>
      desk.answer(options, (workplace) =>
        options.layout === true ? layout(workplace, a, b) : diff(workplace, a, b, options),
      ),
    );
}

interface DiffReport {
  /** What speaks against the two being of one VM, as sentences. */
  readonly unlike: readonly string[];
  readonly blocks: readonly BlockDiff[];
  /** By guest-physical range of the first file, ascending; empty when it is not known where the guest had its RAM. */
  readonly guestPhysical: readonly AddressCounts[];
  /** Pages that are in none of these ranges. */
  readonly elsewhere: PageCounts;
  /** Blocks that were not compared: their pages differ in size. */
  readonly apart: readonly ApartBlock[];
  readonly devices: readonly DeviceDiff[];
  readonly comparedBytes: number;
  /** `totalMs` is comparing the memory. */
  readonly timings: { readonly totalMs: number; readonly openMs: number; readonly devicesMs: number };
}

function diff(workplace: Workplace, a: FileArgument, b: FileArgument, { block }: DiffOptions): Promise<Answer> {
  return withFile(workplace, a, ({ lease: leaseA, ramMap }) =>
    withFile(workplace, b, ({ lease: leaseB }) =>
      withWorkers(workplace, workersHere(), async (workers) => {
        const opening = performance.now();
        const plans = await Promise.all(workers.map((worker) => worker.openDiff(leaseA, leaseB, block ?? null)));
        const plan = plans[0] ?? { units: 0, bytes: 0, blocks: [], apart: [] };
        const first = firstOf(workers);
        const { map } = await first.ramMap(leaseA, ramMap);
        const addresses = new AddressSummary(map, plan.blocks);
        const began = performance.now();
        const blocks = (await driveDiff(workers, plan, { onProgress: (_, unit) => addresses.add(unit) })) ?? [];
        const ended = performance.now();
        const devices = await first.diffDevices(leaseA, leaseB);
        const timings = { totalMs: ended - began, openMs: began - opening, devicesMs: performance.now() - ended };
        const { ranges: guestPhysical, elsewhere } = addresses;
        const unlike = unlikeness(await first.inspect(leaseA), await first.inspect(leaseB));
        return answer({
          unlike,
          blocks,
          guestPhysical,
          elsewhere,
          apart: plan.apart,
          devices,
          comparedBytes: plan.bytes,
          timings,
        });
      }),
    ),
  );
}

/** Compares what is known of the structure of two files of any kind; no page is read. */
function layout(workplace: Workplace, a: FileArgument, b: FileArgument): Promise<Answer> {
  return withFile(workplace, a, ({ lease: leaseA }) =>
    withFile(workplace, b, ({ lease: leaseB }) =>
      withWorkers(workplace, 1, async (workers) => {
        const worker = firstOf(workers);
        const found = diffLayout(await worker.inspect(leaseA), await worker.inspect(leaseB));
        return { json: { layout: found.parts, more: found.more }, text: layoutText(found), good: true };
      }),
    ),
  );
}

function layoutText({ parts, more }: LayoutDiff): string {
  if (parts.length === 0) return 'The two files have the same structure.';
  return [...parts.flatMap(partLines), ...(more ? ['Further parts differ.'] : [])].join('\n');
}

const partLines = ({ part, state, fields }: LayoutPart): readonly string[] => [
  `${printable(part)}: ${{ added: 'only in B', removed: 'only in A', changed: 'differs', moved: 'lies elsewhere' }[state]}`,
  ...fields.map(({ field, a, b }) => `  ${field}: ${valueText(a)} → ${valueText(b)}`),
];

function firstOf(workers: readonly WorkerApi[]): WorkerApi {
  const [first] = workers;
  if (first === undefined) throw new Error('no worker was taken');
  return first;
}

function answer(report: DiffReport): Answer {
  const same = report.devices.length === 0 && report.blocks.every((block) => differing(block) === 0);
  return { json: report, text: textOf(report, same), good: true };
}

const differing = ({ added, removed, changed }: PageCounts): number => added + removed + changed;

function textOf(report: DiffReport, same: boolean): string {
  const { unlike, blocks, guestPhysical, apart, devices, comparedBytes, timings } = report;
  const ranges = guestPhysical.filter((range) => differing(range) > 0);
  return [
    ...unlike.map(printable),
    blockTable(blocks),
    ...apart.map(
      ({ name, pageSizeA, pageSizeB }) =>
        `${printable(name)} was not compared: its pages have ${pageSizeA} bytes in A and ${pageSizeB} in B.`,
    ),
    ranges.length === 0 ? '' : rangeTable(ranges),
    ...blocks.filter((block) => differing(block) > 0).map(runsText),
    ...devices.flatMap(deviceLines),
    same ? 'Memory and devices are the same.' : devices.length === 0 ? 'The devices are the same.' : '',
    `${ramSize(comparedBytes)} of present pages compared in ${duration(timings.totalMs)}.`,
  ]
    .filter((line) => line !== '')
    .join('\n');
}

const blockTable = (blocks: readonly BlockDiff[]): string =>
  table<BlockDiff>(
    [
      { title: 'BLOCK', value: ({ name }) => name },
      { title: 'ADDED', align: 'right', value: ({ added }) => String(added) },
      { title: 'REMOVED', align: 'right', value: ({ removed }) => String(removed) },
      { title: 'CHANGED', align: 'right', value: ({ changed }) => String(changed) },
      { title: 'DIFFERING', align: 'right', value: (block) => ramSize(differing(block) * block.pageSize) },
    ],
    blocks,
  );

const rangeTable = (ranges: readonly AddressCounts[]): string =>
  table<AddressCounts>(
    [
      { title: 'GUEST-PHYSICAL', align: 'right', value: ({ guestPhysical }) => hex(guestPhysical) },
      { title: 'LENGTH', align: 'right', value: ({ length }) => ramSize(length) },
      { title: 'BLOCK', value: ({ block }) => block },
      { title: 'ADDED', align: 'right', value: ({ added }) => String(added) },
      { title: 'REMOVED', align: 'right', value: ({ removed }) => String(removed) },
      { title: 'CHANGED', align: 'right', value: ({ changed }) => String(changed) },
    ],
    ranges,
  );

function runsText({ name, ranges }: BlockDiff): string {
  const runs = ranges
    .slice(0, MOST_LINES)
    .map(([page, count]) => (count === 1 ? String(page) : `${page}–${page + count - 1}`));
  const rest = ranges.length - runs.length;
  return `${printable(name)}: pages ${runs.join(', ')}${rest > 0 ? ` and ${rest} more runs` : ''}`;
}

function deviceLines({ name, instance, state, changedBytes, fields, more }: DeviceDiff): readonly string[] {
  const what = state === 'changed' ? `${changedBytes} bytes differ` : `only in ${state === 'added' ? 'B' : 'A'}`;
  const rest = fields.length - MOST_LINES;
  return [
    `${printable(name)} ${instance}: ${what}`,
    ...fields.slice(0, MOST_LINES).map(fieldLine),
    ...(rest > 0 ? [`  and ${rest}${more ? ' or more' : ''} further fields`] : []),
  ];
}

const fieldLine = ({ field, a, b }: FieldDiff): string => `  ${printable(field)}: ${valueText(a)} → ${valueText(b)}`;

/** Long values (buffers in hexadecimal) are cut: `--json` has them whole. */
function valueText(value: FieldScalar): string {
  const text = value === null ? 'not there' : printable(String(value));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
