import type { ByteCursor } from '../bytes/cursor';
import { fail } from '../contracts/failure';
import { TYPE, type Layout } from './layout';
import type { Configuration } from './model';
import { badValue, fieldOf, readStruct, type Parsed } from '../bytes/table';

/** QEMU knows some thirty migration capabilities; only a few are ever listed. */
const MOST_CAPABILITIES = 256;
const MOST_SUBSECTIONS = 16;

/** What has been read so far; kept up to date while reading, so that a truncated section still tells what it told. */
export interface ConfigurationDraft {
  value: Configuration | null;
}

interface Content {
  readonly structs: readonly Parsed[];
  readonly capabilities?: readonly string[];
  readonly targetPageBits?: number;
  readonly uuid?: Uint8Array;
}

/**
 * Reads a CONFIGURATION section and its subsections where the cursor stands.
 *
 * A subsection with a name not known here has no length either, so nothing behind it can be found: `format.unsupported`.
 */
export async function readConfiguration(cursor: ByteCursor, layout: Layout, draft: ConfigurationDraft): Promise<void> {
  const record = await readStruct(cursor, layout.configuration);
  let value: Configuration = {
    record,
    machine: record.values['machine type'],
    capabilities: [],
    targetPageBits: null,
    uuid: null,
    subsections: [],
  };
  draft.value = value;
  while (await nextIsSubsection(cursor)) {
    if (value.subsections.length >= MOST_SUBSECTIONS) {
      throw badValue(cursor, cursor.offset, 'SUBSECTION', `there are more than ${MOST_SUBSECTIONS} of them`);
    }
    const subsection = await readStruct(cursor, layout.subsection);
    const content = await readContent(cursor, layout, subsection);
    value = {
      ...value,
      capabilities: content.capabilities ?? value.capabilities,
      targetPageBits: content.targetPageBits ?? value.targetPageBits,
      uuid: content.uuid ?? value.uuid,
      subsections: [...value.subsections, { record: subsection, content: content.structs }],
    };
    draft.value = value;
  }
}

async function nextIsSubsection(cursor: ByteCursor): Promise<boolean> {
  if (cursor.remaining === 0) return false;
  await cursor.need(1, 'section type');
  return cursor.peek(1)[0] === TYPE.subsection;
}

async function readContent(
  cursor: ByteCursor,
  layout: Layout,
  subsection: Parsed<Layout['subsection']>,
): Promise<Content> {
  switch (subsection.values.name) {
    case 'configuration/capabilities':
      return readCapabilities(cursor, layout);
    case 'configuration/target-page-bits': {
      const bits = await readStruct(cursor, layout.targetPageBits);
      const value = bits.values['target page bits'];
      if (value < 9 || value > 24) {
        throw badValue(cursor, bits.offset, 'target page bits', `${value} is outside 9 … 24`);
      }
      return { structs: [bits], targetPageBits: value };
    }
    case 'configuration/uuid': {
      const uuid = await readStruct(cursor, layout.uuid);
      return { structs: [uuid], uuid: uuid.values.UUID };
    }
    default:
      throw fail(
        'format.unsupported',
        'reading the configuration',
        `subsection "${subsection.values.name}" is not known here, and it has no length to skip it by`,
        'A newer Stillframe may know it; QEMU itself can still load the file.',
        { where: { path: cursor.source.name, offset: fieldOf(subsection, 'name').offset, field: 'name' } },
      );
  }
}

async function readCapabilities(cursor: ByteCursor, layout: Layout): Promise<Content> {
  const count = await readStruct(cursor, layout.capabilityCount);
  if (count.values.count > MOST_CAPABILITIES) {
    throw badValue(cursor, count.offset, 'count', `${count.values.count} capabilities are more than QEMU has`);
  }
  const listed: Parsed<Layout['capability']>[] = [];
  for (let index = 0; index < count.values.count; index++) listed.push(await readStruct(cursor, layout.capability));
  return { structs: [count, ...listed], capabilities: listed.map((item) => item.values.capability) };
}
