import { hex } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import type {
  LocateQuery,
  LocateReport,
  TranslateQuery,
  TranslateReport,
  TranslateStep,
} from '@shared/contracts/inspect';
import type { PlaceReport, VirtualPlace } from '@shared/contracts/inspector-places';
import { address64, fileArgument, position, wholeNumberFrom, type FileArgument } from '../arguments';
import { addCommand, type Answer, type CommonOptions, type Desk } from '../command';
import { printable } from '../format';
import { withLease } from '../lease';

interface LocateArguments extends CommonOptions {
  readonly block?: string;
  readonly page?: number;
  readonly offset?: number;
  readonly gpa?: number;
  readonly gva?: string;
  readonly register?: string;
  readonly cpu?: number;
}

const doing = 'locating a page';

export function addLocate(desk: Desk): void {
  addCommand(desk, 'locate', 'say where in the file a page of the guest is, and the other way round')
    .usage('FILE[,offset=SIZE] --block NAME --page N | --offset X | --gpa X | --gva X | --register NAME [options]')
    .argument('<file>', 'a QEMU or libvirt save file, or a snapshot folder', fileArgument)
    .option('--block <name>', 'RAM block, as inspect names it; with --page')
    .option('--page <number>', 'page of the block, from 0', wholeNumberFrom(0))
    .option('--offset <position>', 'an offset in the file: 4096, 0x1000 or 4K', position)
    .option('--gpa <address>', 'a guest-physical address', position)
    .option('--gva <address>', 'a guest-virtual address, taken through the page tables of --cpu', address64)
    .option('--register <name>', 'the address that a register of --cpu holds, e.g. rip, as devices names it')
    .option(
      '--cpu <number>',
      'whose page tables: default 0 with --gva and --register; with the others, say the guest-virtual address too',
      wholeNumberFrom(0, 65_535),
    )
    .addHelpText('after', '\nExit code 1: the guest-virtual address is not mapped.')
    .action((file: FileArgument, options: LocateArguments) =>
      desk.answer(options, async (workplace) => {
        const query = queryOf(options);
        return withLease(workplace, file, async (worker, { lease, ramMap }) => {
          if (query.kind === 'gva' || query.kind === 'register') {
            return answerTranslated(await worker.translate(lease, query, ramMap));
          }
          const { cpu } = options;
          return cpu === undefined
            ? answer(await worker.locate(lease, query, ramMap))
            : answerPlace(await worker.place(lease, query, cpu, ramMap));
        });
      }),
    );
}

function queryOf({ block, page, offset, gpa, gva, register, cpu }: LocateArguments): LocateQuery | TranslateQuery {
  const queries: (LocateQuery | TranslateQuery)[] = [
    ...(block !== undefined && page !== undefined ? [{ kind: 'page' as const, block, page }] : []),
    ...(offset === undefined ? [] : [{ kind: 'offset' as const, offset }]),
    ...(gpa === undefined ? [] : [{ kind: 'gpa' as const, gpa }]),
    ...(gva === undefined ? [] : [{ kind: 'gva' as const, gva, cpu: cpu ?? 0 }]),
    ...(register === undefined ? [] : [{ kind: 'register' as const, register, cpu: cpu ?? 0 }]),
  ];
  const [query] = queries;
  const halfPage = (block === undefined) !== (page === undefined);
  if (query !== undefined && queries.length === 1 && !halfPage) return query;
  throw fail(
    'usage',
    doing,
    'Exactly one of --block with --page, --offset, --gpa, --gva and --register is needed',
    'stillframe locate --help shows them.',
  );
}

function answer(report: LocateReport): Answer {
  const { block, page, guestPhysical, fileOffset, present } = report;
  const guest = guestPhysical === null ? 'guest-physical address not known' : `guest-physical ${hex(guestPhysical)}`;
  const text = `${printable(block)}, page ${page}: ${guest}, file offset ${hex(fileOffset)}, ${present ? 'present' : 'not present (zero)'}`;
  return { json: report, text, good: true };
}

function answerPlace(report: PlaceReport): Answer {
  const { block, page, guestPhysical, ramMapFrom, fileOffset, present, cpu, guestVirtual, why, walk } = report;
  const guest = guestPhysical === null ? 'guest-physical address not known' : `guest-physical ${hex(guestPhysical)}`;
  const state = present === null ? 'not known whether present' : present ? 'present' : 'not present (zero)';
  const others = guestVirtual === null ? '' : othersOf(guestVirtual);
  const lines = [
    `${printable(block ?? '')}, page ${page ?? 0}: ${guest}, file offset ${hex(fileOffset)}, ${state}`,
    guestVirtual === null ? `  ${why ?? ''}` : `  guest-virtual ${guestVirtual.address} in cpu ${cpu}${others}`,
    ...(ramMapFrom === 'machine type' ? [`  ${RAM_BY_MACHINE}`] : []),
    ...(walk?.steps ?? []).map(stepLine),
  ];
  return { json: report, text: lines.join('\n'), good: true };
}

function othersOf({ others, listed }: VirtualPlace): string {
  if (others === 0) return '';
  const shown = listed.slice(0, OTHERS_SHOWN);
  return `, and ${others} more: ${shown.join(', ')}${others > shown.length ? ' …' : ''}`;
}

/** Other addresses of a byte that are printed; --json has more. */
const OTHERS_SHOWN = 4;
const RAM_BY_MACHINE = 'where the guest has its RAM is worked out from its machine type';

const stepLine = ({ table, index, guestPhysical, fileOffset, value, leadsTo }: TranslateStep): string => {
  const inFile = fileOffset === null ? 'not in the file' : `file offset ${hex(fileOffset)}`;
  return `  ${table}[${index}] at guest-physical ${hex(guestPhysical)}, ${inFile}: ${value ?? '?'}, ${leadsTo}`;
};

function answerTranslated(report: TranslateReport): Answer {
  const { gva, cpu, register, mode, steps, mapped, why, ramMapFrom } = report;
  const name = register === null ? gva : `${printable(register)} ${gva}`;
  const lines = [
    mapped ? `${name} in cpu ${cpu}: ${placeOf(report)}` : `${name} is not mapped in cpu ${cpu}: ${why ?? ''}`,
    `  ${mode}${ramMapFrom === 'machine type' ? `; ${RAM_BY_MACHINE}` : ''}`,
    ...steps.map(stepLine),
  ];
  return { json: report, text: lines.join('\n'), good: mapped };
}

function placeOf({ guestPhysical, block, page, fileOffset, present }: TranslateReport): string {
  const physical = `guest-physical ${hex(guestPhysical ?? 0)}`;
  if (block === null || fileOffset === null) return `${physical}, which is no RAM`;
  const there = present === true ? 'present' : 'not present (zero)';
  return `${physical}, ${printable(block)}, page ${page ?? 0}, file offset ${hex(fileOffset)}, ${there}`;
}
