/** What a process has mapped where: the text of /proc/PID/maps (proc_pid_maps(5)). */

/** One mapping. Addresses and offsets in bytes; `dev` as stat(2) has it. */
export interface Mapping {
  readonly start: bigint;
  readonly end: bigint;
  /** MAP_SHARED: what is written there is in the file. */
  readonly shared: boolean;
  readonly offset: bigint;
  readonly dev: bigint;
  /** 0 for memory without a file. */
  readonly ino: bigint;
  /** As the kernel writes it: line ends as `\012`, ` (deleted)` after a name that is gone; empty for none. */
  readonly path: string;
}

/** The mappings in the text, ascending. Lines of another form are passed over. */
export function parseMaps(text: string): Mapping[] {
  const line =
    /^([\da-f]{1,16})-([\da-f]{1,16}) [r-][w-][x-]([sp]) ([\da-f]{1,16}) ([\da-f]{1,8}):([\da-f]{1,8}) (\d{1,20})(?: +(.*))?$/;
  return text.split('\n').flatMap((row) => {
    const match = line.exec(row);
    if (match === null) return [];
    const [, start = '0', end = '0', sharing, offset = '0', major = '0', minor = '0', ino = '0', path = ''] = match;
    const hex = (digits: string): bigint => BigInt(`0x${digits}`);
    return [
      {
        start: hex(start),
        end: hex(end),
        shared: sharing === 's',
        offset: hex(offset),
        dev: deviceNumber(hex(major), hex(minor)),
        ino: BigInt(ino),
        path,
      },
    ];
  });
}

/** `st_dev` of a device: glibc's makedev (sys/sysmacros.h), 12 + 20 bits of the major and 20 + 8 + 4 of the minor number. */
export function deviceNumber(major: bigint, minor: bigint): bigint {
  return ((major & 0xfffff000n) << 32n) | ((major & 0xfffn) << 8n) | ((minor & 0xffffff00n) << 12n) | (minor & 0xffn);
}

/**
 * The mapping of `length` bytes from `address` on, and the offset in its file at which they begin. They may lie in several
 * mappings (the kernel splits them where advice or NUMA policy differ) as long as those follow each other, in the same file,
 * too. null where that is not so.
 */
export function coverOf(
  maps: readonly Mapping[],
  address: bigint,
  length: bigint,
): { readonly mapping: Mapping; readonly offset: bigint } | null {
  const first = maps.findIndex(({ start, end }) => start <= address && address < end);
  const mapping = maps[first];
  if (mapping === undefined) return null;
  let last = mapping;
  for (let index = first + 1; last.end < address + length; index += 1) {
    const next = maps[index];
    if (next === undefined || !continues(last, next)) return null;
    last = next;
  }
  return { mapping, offset: mapping.offset + (address - mapping.start) };
}

function continues(before: Mapping, next: Mapping): boolean {
  const adjacent = next.start === before.end && next.shared === before.shared;
  const sameFile = next.dev === before.dev && next.ino === before.ino;
  // The offset of memory without a file means nothing.
  const follows = before.ino === 0n || next.offset === before.offset + (before.end - before.start);
  return adjacent && sameFile && follows;
}
