import type { StructureNode } from '@shared/contracts/inspect';
import { fileArgument, type FileArgument } from '../arguments';
import { addCommand, type Answer, type CommonOptions, type Desk } from '../command';
import { withLease } from '../lease';
import { fieldLines, line } from '../node-lines';
import { treeWithFields } from '../whole-tree';

export function addTree(desk: Desk): void {
  addCommand(desk, 'tree', 'show everything in a file: each structure and field with its place, value and meaning')
    .usage('FILE[,offset=SIZE] [options]')
    .argument('<file>', 'a QEMU or libvirt save file, a snapshot folder or the name of a snapshot', fileArgument)
    .action((file: FileArgument, options: CommonOptions) =>
      desk.answer(options, (workplace) =>
        withLease(workplace, file, async (worker, { lease }) =>
          answer(lease.name, await treeWithFields(worker, lease)),
        ),
      ),
    );
}

function answer(file: string, tree: readonly StructureNode[]): Answer {
  const text = tree.flatMap((node) => [line(node, 0), ...fieldLines(node, 1)]).join('\n');
  return { json: { file, tree }, text, good: true };
}
