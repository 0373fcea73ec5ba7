import { hex } from '@shared/bytes/units';
import type { DeviceReport, DevicesReport, Registers } from '@shared/contracts/devices';
import type { Problem } from '@shared/contracts/inspect';
import type { WorkerApi } from '@shared/contracts/worker';
import { flagWords } from '@shared/stream/register-groups';
import { fileArgument, type FileArgument } from '../arguments';
import { addCommand, type Answer, type CommonOptions, type Desk } from '../command';
import { printable } from '../format';
import { withLease, type LentFile } from '../lease';
import { fieldLines } from '../node-lines';
import { treeWithFields } from '../whole-tree';

/** Values in all devices of one file: VMs have some 50,000. Keeps a hostile file from filling memory. */
const MOST_VALUES = 4_000_000;

export function addDevices(desk: Desk): void {
  addCommand(desk, 'devices', 'show the state of every device, field by field, and the CPUs’ registers')
    .usage('FILE[,offset=SIZE] [options]')
    .argument('<file>', 'a QEMU or libvirt save file, a snapshot folder or the name of a snapshot', fileArgument)
    .addHelpText('after', '\nExit code 1: the description of the fields and the bytes do not agree.')
    .action((file: FileArgument, options: CommonOptions) =>
      desk.answer(options, (workplace) =>
        withLease(workplace, file, (worker, { lease }) => answer(worker, lease, options.json === true)),
      ),
    );
}

async function answer(worker: WorkerApi, lease: LentFile['lease'], asJson: boolean): Promise<Answer> {
  const report = await readAll(worker, lease);
  const text = asJson ? '' : await textOf(worker, lease, report);
  return { json: report, text, good: report.problems.every(({ severity }) => severity !== 'error') };
}

async function readAll(worker: WorkerApi, lease: LentFile['lease']): Promise<DevicesReport> {
  const devices: DeviceReport[] = [];
  const problems: Problem[] = [];
  let values = 0;
  for (let from: number | null = 0; from !== null;) {
    const page = await worker.devices(lease, from);
    devices.push(...page.devices);
    problems.push(...page.problems);
    values += page.values;
    from = page.next;
    if (values > MOST_VALUES && from !== null) {
      const message = `The devices behind the first ${devices.length} are not listed: there are too many fields.`;
      problems.push({ code: 'too-many', severity: 'error', offset: null, message });
      from = null;
    }
  }
  return { devices, problems };
}

/** The fields come from the tree: it has their places, and values as people read them. */
async function textOf(worker: WorkerApi, lease: LentFile['lease'], report: DevicesReport): Promise<string> {
  const tree = await treeWithFields(worker, lease);
  const groups = new Map(tree.find(({ id }) => id === 'devices')?.children.map((node) => [node.offset, node]));
  return [
    ...report.problems.map(
      ({ offset, message }) => `${offset === null ? '' : `${hex(offset)}: `}${printable(message)}`,
    ),
    ...report.devices.flatMap((device) => {
      const data = groups.get(device.offset)?.children.find(({ id }) => id.endsWith('/data'));
      return [headline(device), ...registerLines(device.registers), ...(data === undefined ? [] : fieldLines(data, 1))];
    }),
  ].join('\n');
}

const headline = ({ name, instance, version, offset, length }: DeviceReport): string =>
  `${printable(name)}, instance ${instance}, version ${version}: ${length} bytes at ${hex(offset)}`;

/** `0x246 (PF ZF IF IOPL 0)` */
function registerText(name: string, value: number | string): string {
  const words = flagWords(name, BigInt(value));
  return `${hex(BigInt(value))}${words.length === 0 ? '' : ` (${words.join(' ')})`}`;
}

function registerLines(registers: Registers | undefined): readonly string[] {
  if (registers === undefined) return [];
  const lines = Object.entries(registers).map(([name, value]) => {
    if (typeof value !== 'object') return `    ${name} ${registerText(name, value)}`;
    const parts = Object.entries(value).map(([part, inner]) => `${part} ${registerText(`${name}.${part}`, inner)}`);
    return `    ${name} ${parts.join(', ')}`;
  });
  return ['  registers', ...lines];
}
