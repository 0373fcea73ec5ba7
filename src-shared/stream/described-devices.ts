/** The devices of a stream with what the description tells of each. */
import { decodeText } from '../bytes/text';
import type { ByteSource } from '../bytes/source';
import { describeState, type DescribedState } from './described';
import { JsonMembers, parseRepeatingJson, type RepeatingJson } from './repeating-json';
import type { ParsedStream, Section } from './model';

/** A device's section: QEMU writes each device whole, in one section of its own. */
export type DeviceSection = Extract<Section, { readonly type: 'start' | 'full' }>;

export interface DescribedDevice {
  readonly section: DeviceSection;
  /** The section's number among all of the stream's. */
  readonly index: number;
  /** null when no description tells of it. */
  readonly state: DescribedState | null;
}

/**
 * Every device of a stream, in the order of the file. Several of one name and instance are told apart by their order, which
 * is that of the description.
 */
export async function describedDevices(stream: ParsedStream, source: ByteSource): Promise<readonly DescribedDevice[]> {
  const states = await readStates(stream, source);
  return stream.sections.flatMap((section, index) => {
    if (section.type !== 'full') return [];
    const state = states.get(keyOf(section.name, section.record.values.instance))?.shift() ?? null;
    return [{ section, index, state }];
  });
}

const keyOf = (name: string, instance: number): string => `${instance} ${name}`;

/** The text was read and judged once (`readDescription`): it is within bounds, and JSON. */
async function readStates(stream: ParsedStream, source: ByteSource): Promise<Map<string, DescribedState[]>> {
  const states = new Map<string, DescribedState[]>();
  if (stream.description?.devices == null) return states;
  const { text } = stream.description;
  for (const device of devicesOf(parse(decodeText(await source.read(text.offset, text.length))))) {
    const [name, instance] = [device.get('name'), device.get('instance_id')];
    if (typeof name !== 'string' || typeof instance !== 'number') continue;
    const key = keyOf(name, instance);
    const known = states.get(key);
    if (known === undefined) states.set(key, [describeState(device)]);
    else known.push(describeState(device));
  }
  return states;
}

/** A file may change between two reads: text that no longer is JSON describes nothing. */
function parse(text: string): RepeatingJson {
  try {
    return parseRepeatingJson(text);
  } catch {
    return null;
  }
}

function devicesOf(json: RepeatingJson): readonly JsonMembers[] {
  const devices = json instanceof JsonMembers ? json.get('devices') : null;
  if (!Array.isArray(devices)) return [];
  return (devices as readonly RepeatingJson[]).filter((device) => device instanceof JsonMembers);
}
