/** An initial file system for Linux: a cpio archive in the `newc` format (initramfs buffer format of the kernel's docs). */

export interface InitramfsEntry {
  /** Without a leading slash; a folder comes before what is in it. */
  readonly path: string;
  readonly kind: 'folder' | 'file' | 'program';
  readonly bytes?: Uint8Array;
}

const MODES = { folder: 0o040755, file: 0o100644, program: 0o100755 } as const;
const END = { path: 'TRAILER!!!', mode: 0, bytes: new Uint8Array() };

/** The archive, uncompressed. */
export function writeInitramfs(entries: readonly InitramfsEntry[]): Buffer {
  const files = entries.map(({ path, kind, bytes }) => ({ path, mode: MODES[kind], bytes: bytes ?? new Uint8Array() }));
  return Buffer.concat(
    [...files, END].flatMap(({ path, mode, bytes }, index) => {
      const name = Buffer.from(`${path}\0`);
      // Inode, mode, owner, group, links, time, size, device (two), device of a node (two), length of the name, checksum.
      const fields = [index + 1, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, name.length, 0];
      const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
      return [header, name, padding(header.length + name.length), bytes, padding(bytes.length)];
    }),
  );
}

/** Names and contents begin at multiples of 4. */
const padding = (length: number): Uint8Array => new Uint8Array((4 - (length % 4)) % 4);
