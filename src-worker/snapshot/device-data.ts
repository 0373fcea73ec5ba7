/** Devices of an open file, with the bytes of their sections. */
import type { ByteSource } from '@shared/bytes/source';
import { byteCount } from '@shared/bytes/units';
import { deviceNode, type DeviceData, type FieldNode } from '@shared/stream/device-fields';
import { describedDevices, type DescribedDevice } from '@shared/stream/described-devices';
import type { OpenSnapshot } from './open';

/** Most bytes of one device's section that are read: a virtio GPU with a 4K screen saves 33 MiB. */
const MOST_BYTES = 64 * 1024 * 1024;

/** The devices of an open file, in its order. */
export const devicesOf = ({ stream, source }: OpenSnapshot): Promise<readonly DescribedDevice[]> =>
  describedDevices(stream, source);

export interface ReadDevice {
  readonly node: FieldNode;
  readonly data: DeviceData;
}

/** A device's fields and the bytes they are in; null when no description tells of it. */
export async function readDevice(source: ByteSource, { section, state }: DescribedDevice): Promise<ReadDevice | null> {
  if (state === null) return null;
  const { offset, length } = section.data;
  const bytes = await source.read(offset, byteCount(Math.min(length, MOST_BYTES)));
  return { node: deviceNode(section.name, state, offset, length), data: { offset, bytes } };
}

/** Behind the section's last byte: its footer's, where it has one. */
export const endOfSection = ({ data, footer }: DescribedDevice['section']): number =>
  footer === null ? data.offset + data.length : footer.offset + footer.length;
