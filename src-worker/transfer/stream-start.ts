import { ByteCursor } from '@shared/bytes/cursor';
import { readStruct } from '@shared/bytes/table';
import { fail } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import type { SourceForm } from '@shared/contracts/transfer';
import { readConfiguration, type ConfigurationDraft } from '@shared/stream/configuration';
import { findContainer } from '@shared/stream/container';
import { LAYOUT, TYPE } from '@shared/stream/layout';
import { withLease } from '../io/lease';

/**
 * Where in a file the stream begins, and of which form it is. `format.not-a-stream` when there is none, `format.truncated` for a
 * libvirt image that was not finished.
 */
export const lookAtStream = (lease: Lease): Promise<{ readonly start: number; readonly form: SourceForm }> =>
  withLease(lease, async (source) => {
    const size = await source.size();
    const container = await findContainer(source, size, LAYOUT, lease.streamOffset);
    if (container.libvirt?.finished === false) {
      const what = 'libvirt marks this image as unfinished: its save was cut off';
      throw fail('format.truncated', 'opening the file', what, 'Choose a whole file.', { where: { path: lease.name } });
    }
    const start = container.streamOffset;
    const cursor = new ByteCursor(source, size, start);
    await readStruct(cursor, LAYOUT.streamHeader);
    const draft: ConfigurationDraft = { value: null };
    await cursor.need(1, 'section type');
    if (cursor.peek(1)[0] === TYPE.configuration) await readConfiguration(cursor, LAYOUT, draft);
    const mapped = draft.value?.capabilities.includes('mapped-ram') ?? false;
    return { start, form: mapped ? 'mapped-ram' : 'stream' };
  });
