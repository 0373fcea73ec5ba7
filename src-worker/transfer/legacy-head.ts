/** What stands in front of a legacy stream's first section. */
import { badValue, endOf, fieldOf, readStruct, type Parsed } from '@shared/bytes/table';
import type { FileOffset } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import { readConfiguration, type ConfigurationDraft } from '@shared/stream/configuration';
import { LAYOUT, TYPE } from '@shared/stream/layout';
import type { Configuration } from '@shared/stream/model';
import { encodeConfiguration } from '@shared/stream/writer';
import { cursorOn } from './record-walk';
import type { StreamInput } from './stream-input';
import type { StreamSink } from './stream-sink';

/** A header, CONFIGURATION with its subsections: a few hundred bytes. More than this is none. */
const HEAD_BYTES = 64 * 1024;
/** Smallest and largest target page of QEMU's targets, as powers of two. */
export const PAGE_BITS = { least: 10, most: 16 } as const;

/** Reads header and CONFIGURATION (null: there is none), tells `sink` of them and leaves the input behind them. */
export async function readHead(input: StreamInput, sink: StreamSink): Promise<Configuration | null> {
  // The head is read with everything of it at hand, so that its bytes can be kept.
  await input.ensure(HEAD_BYTES);
  const start = input.offset;
  const cursor = cursorOn(input);
  const header = await readStruct(cursor, LAYOUT.streamHeader);
  const { version } = header.values;
  if (version !== 3 && version !== 2) {
    throw refusal(
      input,
      fieldOf(header, 'version').offset,
      'version',
      `the stream's version is ${version}, not 3 or 2`,
    );
  }
  const draft: ConfigurationDraft = { value: null };
  await cursor.need(1, 'section type');
  if (cursor.peek(1)[0] === TYPE.configuration) await readConfiguration(cursor, LAYOUT, draft);
  const configuration = draft.value;
  const length = cursor.offset - start;
  if (length > HEAD_BYTES) throw badValue(cursor, start, 'CONFIGURATION', `it is ${length} bytes long`);
  checkConfiguration(input, configuration);
  const head = Uint8Array.from(input.buffer.subarray(input.at, input.at + length));
  const bytesOf = (parsed: Parsed): Uint8Array => head.subarray(parsed.offset - start, endOf(parsed) - start);
  sink.begin({
    version,
    configuration,
    configurationWith: (capabilities) =>
      configuration === null ? new Uint8Array(0) : encodeConfiguration(configuration, bytesOf, capabilities),
  });
  input.take(length);
  return configuration;
}

function checkConfiguration(input: StreamInput, configuration: Configuration | null): void {
  if (configuration === null) return;
  const { capabilities, targetPageBits, record } = configuration;
  const strange = capabilities.find((capability) => capability !== 'x-ignore-shared');
  if (strange !== undefined) {
    const what = strange === 'mapped-ram' ? 'this is a mapped-ram file already' : `it needs capability ${strange}`;
    throw refusal(input, record.offset, 'capabilities', what);
  }
  if (targetPageBits !== null && (targetPageBits < PAGE_BITS.least || targetPageBits > PAGE_BITS.most)) {
    throw refusal(input, record.offset, 'target page bits', `pages of 2^${targetPageBits} bytes are those of no VM`);
  }
}

/** `format.unsupported`: legal, but nothing that can be laid out in a file. */
export const refusal = (input: StreamInput, offset: FileOffset, field: string, what: string): Error =>
  fail(
    'format.unsupported',
    'reading the stream',
    what,
    'Save the VM as an ordinary stream, without postcopy, compression and multifd.',
    { where: { path: input.name, offset, field } },
  );
