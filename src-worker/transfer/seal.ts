/** The last step of writing a mapped-ram file: proving that it is whole, and only then saying so. */
import type { ByteSource } from '@shared/bytes/source';
import { fail } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import { parseStream } from '@shared/stream/parse';
import { withLease } from '../io/lease';
import type { TargetFile } from './target-file';

/**
 * Reads the structure of the file that was written and writes the bytes it begins with. `format.truncated` or
 * `format.bad-value` about `source` when the stream that it was made of is not whole; the file stays one that is no stream.
 * Answers the file's length.
 */
export async function seal(
  target: TargetFile,
  lease: Lease,
  streamHeader: Uint8Array,
  source: { readonly name: string; readonly end: number },
): Promise<number> {
  return withLease(lease, async (written) => {
    const stream = await parseStream(beginningWith(streamHeader, written), { streamOffset: 0 });
    const wrong = stream.problems.find(({ severity }) => severity === 'error');
    if (!stream.complete || wrong !== undefined) throw notWhole(source, stream.eof === null, wrong?.message ?? null);
    const length = stream.description === null ? stream.size : stream.end;
    if (length < stream.size) target.resize(length);
    target.write(streamHeader, 0);
    return length;
  });
}

function notWhole(
  source: { readonly name: string; readonly end: number },
  cutOff: boolean,
  message: string | null,
): Error {
  const reason = message === null ? '' : `: ${message.replace(/\.$/, '')}`;
  return fail(
    cutOff ? 'format.truncated' : 'format.bad-value',
    'reading the stream',
    `the stream, which ends at 0x${source.end.toString(16)}, is not whole${reason}`,
    'Nothing was made of it.',
    { where: { path: source.name } },
  );
}

/** The file, as it will be when it begins with these bytes. */
const beginningWith = (head: Uint8Array, file: ByteSource): ByteSource => ({
  name: file.name,
  size: () => file.size(),
  extentAt: (offset) => file.extentAt(offset),
  close: () => file.close(),
  read: async (offset, length) => {
    const bytes = await file.read(offset, length);
    for (let at: number = offset; at < Math.min(head.length, offset + bytes.length); at++)
      bytes[at - offset] = head[at] ?? 0;
    return bytes;
  },
});
