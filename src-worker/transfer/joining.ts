/** A device state put around pages that channels copy, in two steps: what can be done while they copy, and the rest. */
import { closeSync } from 'node:fs';
import type { CopiedPages, Joined, JoinSetup, StreamBlock } from '@shared/contracts/transfer';
import { readLegacyStream } from './legacy-reader';
import { MappedWriter } from './mapped-writer';
import { openFile } from './open';
import { outlineStream } from './outline';
import { seal } from './seal';
import { StreamInput } from './stream-input';
import { lookAtStream } from './stream-start';
import { TargetFile, type OpenChannel } from './target-file';
import { freeTurn } from './turn';

/** A join under way. The file is no stream before `finish` has come to its end. */
export class Joining {
  readonly blocks: readonly StreamBlock[];
  readonly #setup: JoinSetup;
  readonly #file: TargetFile;
  readonly #writer: MappedWriter;
  /** Where the stream ended. */
  readonly #end: number;

  private constructor(
    setup: JoinSetup,
    blocks: readonly StreamBlock[],
    file: TargetFile,
    writer: MappedWriter,
    end: number,
  ) {
    this.#setup = setup;
    this.blocks = blocks;
    this.#file = file;
    this.#writer = writer;
    this.#end = end;
  }

  /** Reads the whole stream and writes it around the pages. Rejects as an ingest does, and then nothing stays open. */
  static async begin(setup: JoinSetup, openChannel: OpenChannel): Promise<Joining> {
    const { state, target, plan } = setup;
    const blocks = await outlineStream(state);
    const inStream = new Set(blocks.filter((block) => block.inStream).map(({ name }) => name));
    const external = new Set(setup.external.filter((name) => !inStream.has(name)));
    const from = openFile(state);
    try {
      const { start } = await lookAtStream(state);
      const file = new TargetFile(openChannel(target, { access: 'write', direct: false }));
      try {
        const writer = new MappedWriter(file, { plan, external });
        const input = new StreamInput(from, freeTurn(), start);
        await readLegacyStream(input, writer);
        writer.flush();
        return new Joining(setup, blocks, file, writer, input.offset);
      } catch (error) {
        file.close();
        throw error;
      }
    } finally {
      closeSync(from.fd);
    }
  }

  async finish(copied: CopiedPages): Promise<Joined> {
    const { state, target } = this.#setup;
    this.#writer.setCopied(copied);
    await this.#writer.finish(freeTurn());
    const source = { name: state.name, end: this.#end };
    const fileBytes = await seal(this.#file, target, this.#writer.streamHeader, source);
    const { stream, present } = this.#writer.counts();
    return { fileBytes, streamPages: stream, presentPages: present };
  }

  close(): void {
    this.#file.close();
  }
}
