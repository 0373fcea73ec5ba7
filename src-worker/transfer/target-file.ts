/** The file that a transfer writes, by position. */
import { byteCount, fileOffset } from '@shared/bytes/units';
import type { Lease } from '@shared/contracts/lease';
import { fail } from '@shared/contracts/failure';
import type { FileChannelOptions } from '../io/file-channel';
import type { SeekableChannel } from '../io/seekable';

/** Opens the lent file as a channel; tests put one in between that fails. */
export type OpenChannel = (lease: Lease, options: FileChannelOptions) => SeekableChannel;

const ZEROS = new Uint8Array(256 * 1024);

/** Every call either does all that it was asked or throws `file.*`. */
export class TargetFile {
  readonly #channel: SeekableChannel;
  #bytesWritten = 0;

  constructor(channel: SeekableChannel) {
    this.#channel = channel;
  }

  /**
   * Opens the target of a transfer, which has to be a file without bytes: nothing of anybody's is overwritten. `file.exists`
   * otherwise, `channel.not-seekable` for a pipe.
   */
  static openNew(lease: Lease, open: OpenChannel): TargetFile {
    const channel = open(lease, { access: 'write', direct: false });
    if (channel.size === 0) return new TargetFile(channel);
    channel.close();
    throw notEmpty(lease);
  }

  /** Bytes written so far, each time that they were. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** Writes all of `bytes` at `position`. */
  write(bytes: Uint8Array, position: number): void {
    this.#channel.writev([bytes], fileOffset(position));
    this.#bytesWritten += bytes.length;
  }

  /** Makes a stretch read as zeros, without bytes on disk where the file system can do that. */
  clear(offset: number, length: number): void {
    this.#channel.punch(fileOffset(offset), byteCount(length));
  }

  /** Writes zeros. */
  zero(offset: number, length: number): void {
    for (let done = 0; done < length; done += ZEROS.length) {
      this.write(ZEROS.subarray(0, Math.min(ZEROS.length, length - done)), offset + done);
    }
  }

  /** Makes the file so long. */
  resize(size: number): void {
    this.#channel.resize(byteCount(size));
  }

  /** Never flushes. */
  close(): void {
    this.#channel.close();
  }
}

/** `file.exists`: the target of a transfer is a new file. */
export const notEmpty = ({ name }: Lease): Error =>
  fail('file.exists', `opening ${name}`, 'there is something in it already', 'Choose a new name.', {
    where: { path: name },
  });
