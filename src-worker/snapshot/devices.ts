import type { DeviceReport, DevicesPage } from '@shared/contracts/devices';
import { Problems } from '@shared/stream/problems';
import { fieldsJson, type FieldBudget } from '@shared/stream/field-json';
import { registersOf } from '@shared/stream/registers';
import type { DescribedDevice } from '@shared/stream/described-devices';
import { devicesOf, endOfSection, readDevice } from './device-data';
import type { OpenSnapshot } from './open';

/** Values and bytes of state after which a page ends. */
const PAGE_VALUES = 100_000;
const PAGE_BYTES = 8 * 1024 * 1024;
/** Most values of one device: an e1000e has 34,000. */
const MOST_VALUES = 500_000;

/** The devices of a file from number `from` on, as many as make an answer of bounded size: at least one. */
export async function readDevices(snapshot: OpenSnapshot, from: number): Promise<DevicesPage> {
  const all = await devicesOf(snapshot);
  const problems = new Problems();
  if (from === 0 && snapshot.stream.description?.devices == null) {
    const message = 'There is no description of the devices’ fields, so only the sections are known.';
    problems.add('warning', 'devices-unknown', snapshot.stream.eof?.offset ?? null, message);
  }
  const devices: DeviceReport[] = [];
  let values = 0;
  let bytes = 0;
  let next = from;
  while (next < all.length && (next === from || (values < PAGE_VALUES && bytes < PAGE_BYTES))) {
    const device = all[next];
    if (device === undefined) break;
    const budget = budgetFor(device, problems);
    devices.push(await reportOf(snapshot, device, budget, problems));
    values += MOST_VALUES - Math.max(0, budget.values);
    bytes += device.section.data.length;
    next++;
  }
  return { devices, problems: problems.list, values, next: next < all.length ? next : null };
}

function budgetFor({ section }: DescribedDevice, problems: Problems): FieldBudget {
  const onProblem = (offset: number, what: string): void =>
    problems.add('error', 'description-disagrees', offset, `${section.name}: ${what}`);
  return { values: MOST_VALUES, onProblem };
}

async function reportOf(
  { source, stream }: OpenSnapshot,
  device: DescribedDevice,
  budget: FieldBudget,
  problems: Problems,
): Promise<DeviceReport> {
  const { section } = device;
  const { instance, version } = section.record.values;
  const report = {
    name: section.name,
    instance,
    version,
    id: section.id,
    offset: section.offset,
    length: endOfSection(section) - section.offset,
    dataOffset: section.data.offset,
    dataLength: section.data.length,
  };
  const read = await readDevice(source, device);
  if (read === null) {
    if (stream.description?.devices != null) {
      problems.add('warning', 'description-disagrees', section.offset, `${section.name}: It is not described.`);
    }
    return { ...report, fields: null };
  }
  if (read.node.problem !== null) budget.onProblem(read.node.offset, read.node.problem);
  const fields = fieldsJson(read.node, read.data, budget);
  const registers = registersOf(section.name, fields);
  return { ...report, fields, ...(registers === null ? {} : { registers }) };
}
