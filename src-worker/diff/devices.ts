/** Which devices of two files differ, and in which fields. */
import type { ByteSource } from '@shared/bytes/source';
import { byteCount, fileOffset } from '@shared/bytes/units';
import type { FieldJson } from '@shared/contracts/devices';
import type { DeviceDiff, FieldDiff, FieldScalar } from '@shared/contracts/diff';
import type { DescribedDevice } from '@shared/stream/described-devices';
import { fieldsJson } from '@shared/stream/field-json';
import { devicesOf, readDevice } from '../snapshot/device-data';
import type { OpenSnapshot } from '../snapshot/open';

/** Most fields that are listed of one device and of all together, and most values of one that are made to compare them. */
const MOST_FIELDS = 2000;
const MOST_FIELDS_IN_ALL = 50_000;
const MOST_VALUES = 500_000;
/** Bytes of sections that are read at a time to be compared. */
const CHUNK_BYTES = 1024 * 1024;

/** Devices are paired by name and instance; those that two files repeat, in their order. Equal ones are not listed. */
export async function diffDevices(a: OpenSnapshot, b: OpenSnapshot): Promise<readonly DeviceDiff[]> {
  const [inA, inB] = [keyed(await devicesOf(a)), keyed(await devicesOf(b))];
  const diffs: DeviceDiff[] = [];
  let room = MOST_FIELDS_IN_ALL;
  for (const [key, device] of inA) {
    const other = inB.get(key);
    if (other === undefined) diffs.push(oneSided(device, 'removed'));
    else {
      const changedBytes = await differingBytes(a.source, device, b.source, other);
      if (changedBytes === 0) continue;
      const diff = await changed(a.source, device, b.source, other, changedBytes, Math.min(MOST_FIELDS, room));
      room -= diff.fields.length;
      diffs.push(diff);
    }
  }
  for (const [key, device] of inB) if (!inA.has(key)) diffs.push(oneSided(device, 'added'));
  return diffs;
}

function keyed(devices: readonly DescribedDevice[]): ReadonlyMap<string, DescribedDevice> {
  const map = new Map<string, DescribedDevice>();
  for (const device of devices) {
    const { name, record } = device.section;
    let key = `${record.values.instance} ${name}`;
    while (map.has(key)) key += '+';
    map.set(key, device);
  }
  return map;
}

const placeOf = ({ section }: DescribedDevice): { readonly name: string; readonly instance: number } => ({
  name: section.name,
  instance: section.record.values.instance,
});

const oneSided = (device: DescribedDevice, state: 'added' | 'removed'): DeviceDiff => ({
  ...placeOf(device),
  state,
  changedBytes: device.section.data.length,
  fields: [],
  more: false,
});

async function differingBytes(
  a: ByteSource,
  { section: { data: inA } }: DescribedDevice,
  b: ByteSource,
  { section: { data: inB } }: DescribedDevice,
): Promise<number> {
  const both = Math.min(inA.length, inB.length);
  let found = Math.max(inA.length, inB.length) - both;
  for (let at = 0; at < both; at += CHUNK_BYTES) {
    const length = byteCount(Math.min(CHUNK_BYTES, both - at));
    const [bytesA, bytesB] = await Promise.all([
      a.read(fileOffset(inA.offset + at), length),
      b.read(fileOffset(inB.offset + at), length),
    ]);
    if (Buffer.compare(bytesA, bytesB) === 0) continue;
    for (let index = 0; index < length; index++) if (bytesA[index] !== bytesB[index]) found++;
  }
  return found;
}

async function changed(
  a: ByteSource,
  deviceA: DescribedDevice,
  b: ByteSource,
  deviceB: DescribedDevice,
  changedBytes: number,
  most: number,
): Promise<DeviceDiff> {
  const [inA, inB] = [await flatFields(a, deviceA), await flatFields(b, deviceB)];
  const fields: FieldDiff[] = [];
  let more = false;
  for (const field of new Set([...inA.keys(), ...inB.keys()])) {
    const [one, other] = [inA.get(field) ?? null, inB.get(field) ?? null];
    if (one === other) continue;
    if (fields.length < most) fields.push({ field, a: one, b: other });
    else more = true;
  }
  return { ...placeOf(deviceA), state: 'changed', changedBytes, fields, more };
}

/** Every value of a device by its path: `env.eip`, `config[16]`. Empty when no description tells of the device. */
async function flatFields(source: ByteSource, device: DescribedDevice): Promise<ReadonlyMap<string, FieldScalar>> {
  const flat = new Map<string, FieldScalar>();
  const read = await readDevice(source, device);
  if (read === null) return flat;
  const add = (path: string, value: FieldJson): void => {
    if (typeof value !== 'object' || value === null) flat.set(path, value);
    else if (isList(value)) value.forEach((one, index) => add(`${path}[${index}]`, one));
    else for (const [name, one] of Object.entries(value)) add(path === '' ? name : `${path}.${name}`, one);
  };
  add('', fieldsJson(read.node, read.data, { values: MOST_VALUES, onProblem: () => undefined }));
  return flat;
}

const isList = (value: FieldJson): value is readonly FieldJson[] => Array.isArray(value);
