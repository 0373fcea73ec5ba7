import { hex } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import type { LocateQuery, LocateReport } from '@shared/contracts/inspect';
import { fileArgument, position, wholeNumberFrom, type FileArgument } from '../arguments';
import { addCommand, type Answer, type CommonOptions, type Desk } from '../command';
import { printable } from '../format';
import { withLease } from '../lease';

interface LocateArguments extends CommonOptions {
  readonly block?: string;
  readonly page?: number;
  readonly offset?: number;
  readonly gpa?: number;
}

const doing = 'locating a page';

export function addLocate(desk: Desk): void {
  addCommand(desk, 'locate', 'say where in the file a page of the guest is, and the other way round')
    .usage('FILE[,offset=SIZE] --block NAME --page N | --offset X | --gpa X [options]')
    .argument('<file>', 'a QEMU or libvirt save file, or a snapshot folder', fileArgument)
    .option('--block <name>', 'RAM block, as inspect names it; with --page')
    .option('--page <number>', 'page of the block, from 0', wholeNumberFrom(0))
    .option('--offset <position>', 'an offset in the file: 4096, 0x1000 or 4K', position)
    .option('--gpa <address>', 'a guest-physical address', position)
    .action((file: FileArgument, options: LocateArguments) =>
      desk.answer(options, async (workplace) => {
        const query = queryOf(options);
        return answer(
          await withLease(workplace, file, (worker, { lease, ramMap }) => worker.locate(lease, query, ramMap)),
        );
      }),
    );
}

function queryOf({ block, page, offset, gpa }: LocateArguments): LocateQuery {
  const queries: LocateQuery[] = [
    ...(block !== undefined && page !== undefined ? [{ kind: 'page' as const, block, page }] : []),
    ...(offset === undefined ? [] : [{ kind: 'offset' as const, offset }]),
    ...(gpa === undefined ? [] : [{ kind: 'gpa' as const, gpa }]),
  ];
  const [query] = queries;
  const halfPage = (block === undefined) !== (page === undefined);
  if (query !== undefined && queries.length === 1 && !halfPage) return query;
  throw fail(
    'usage',
    doing,
    'Exactly one of --block with --page, --offset and --gpa is needed',
    'stillframe locate --help shows them.',
  );
}

function answer(report: LocateReport): Answer {
  const { block, page, guestPhysical, fileOffset, present } = report;
  const guest = guestPhysical === null ? 'guest-physical address not known' : `guest-physical ${hex(guestPhysical)}`;
  const text = `${printable(block)}, page ${page}: ${guest}, file offset ${hex(fileOffset)}, ${present ? 'present' : 'not present (zero)'}`;
  return { json: report, text, good: true };
}
