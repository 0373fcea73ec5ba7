import { hex } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import type { LocateQuery, LocateReport, TranslateQuery, TranslateReport } from '@shared/contracts/inspect';
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
    .option('--cpu <number>', 'with --gva and --register: whose page tables (default: 0)', wholeNumberFrom(0, 65_535))
    .addHelpText('after', '\nExit code 1: the guest-virtual address is not mapped.')
    .action((file: FileArgument, options: LocateArguments) =>
      desk.answer(options, async (workplace) => {
        const query = queryOf(options);
        return withLease(workplace, file, async (worker, { lease, ramMap }) =>
          query.kind === 'gva' || query.kind === 'register'
            ? answerTranslated(await worker.translate(lease, query, ramMap))
            : answer(await worker.locate(lease, query, ramMap)),
        );
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
  const cpuForNothing = cpu !== undefined && gva === undefined && register === undefined;
  if (query !== undefined && queries.length === 1 && !halfPage && !cpuForNothing) return query;
  throw fail(
    'usage',
    doing,
    cpuForNothing
      ? '--cpu goes with --gva and --register'
      : 'Exactly one of --block with --page, --offset, --gpa, --gva and --register is needed',
    'stillframe locate --help shows them.',
  );
}

function answer(report: LocateReport): Answer {
  const { block, page, guestPhysical, fileOffset, present } = report;
  const guest = guestPhysical === null ? 'guest-physical address not known' : `guest-physical ${hex(guestPhysical)}`;
  const text = `${printable(block)}, page ${page}: ${guest}, file offset ${hex(fileOffset)}, ${present ? 'present' : 'not present (zero)'}`;
  return { json: report, text, good: true };
}

function answerTranslated(report: TranslateReport): Answer {
  const { gva, cpu, register, mode, steps, mapped, why, ramMapFrom } = report;
  const name = register === null ? gva : `${printable(register)} ${gva}`;
  const lines = [
    mapped ? `${name} in cpu ${cpu}: ${placeOf(report)}` : `${name} is not mapped in cpu ${cpu}: ${why ?? ''}`,
    `  ${mode}${ramMapFrom === 'machine type' ? '; where the guest has its RAM is worked out from its machine type' : ''}`,
    ...steps.map(({ table, index, guestPhysical, fileOffset, value, leadsTo }) => {
      const inFile = fileOffset === null ? 'not in the file' : `file offset ${hex(fileOffset)}`;
      return `  ${table}[${index}] at guest-physical ${hex(guestPhysical)}, ${inFile}: ${value ?? '?'}, ${leadsTo}`;
    }),
  ];
  return { json: report, text: lines.join('\n'), good: mapped };
}

function placeOf({ guestPhysical, block, page, fileOffset, present }: TranslateReport): string {
  const physical = `guest-physical ${hex(guestPhysical ?? 0)}`;
  if (block === null || fileOffset === null) return `${physical}, which is no RAM`;
  const there = present === true ? 'present' : 'not present (zero)';
  return `${physical}, ${printable(block)}, page ${page ?? 0}, file offset ${hex(fileOffset)}, ${there}`;
}
