/** Getting bytes onto stable storage. All of it waits on other threads: the worker goes on answering. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { fileFailure } from './failures';
import type { FileSource } from './file-source';
import { writeBackRange } from './libc';
import { fdatasync } from 'node:fs';

/** Writes one range back and waits for it. */
export const writeBack = (source: FileSource, offset: number, length: number): Promise<void> =>
  writeBackRange(source.fd, offset, length);

/** fdatasync: the file's bytes and what is needed to read them are on stable storage when it resolves. */
export async function dataSync(source: FileSource): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) =>
      fdatasync(source.fd, (error) => (error === null ? resolve() : reject(error))),
    );
  } catch (error) {
    throw fileFailure(error, `flushing ${source.name}`, { path: source.name });
  }
}

/** fsync of a folder: names made, changed or removed in it last. */
export async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    throw fileFailure(error, `flushing the folder ${path}`, { path });
  }
}
