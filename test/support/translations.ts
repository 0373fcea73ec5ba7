/** Holding translations of a saved file against what QEMU said of the same addresses at the save. */
import { expect } from 'vitest';
import { byteCount, fileOffset } from '../../src-shared/bytes/units';
import { openPath, type FileSource } from '../../src-worker/io/file-source';
import { openSnapshot } from '../../src-worker/snapshot/open';
import { createTranslator, type Translator } from '../../src-worker/snapshot/translate';
import { bytesAtPhysical, physicalOf } from './guest-pages';
import type { PlainQemu } from './plain-qemu';
import { LENGTH, type SampleAddress } from './sample-addresses';

export interface Asked extends SampleAddress {
  /** By QEMU's `gva2gpa`; null: not mapped. */
  readonly physical: bigint | null;
  /** By QEMU's `xp`, in hexadecimal. */
  readonly bytes: string;
}

/** What QEMU says of these addresses now: the VM has to stand still. */
export async function askQemu(vm: PlainQemu, addresses: readonly SampleAddress[]): Promise<readonly Asked[]> {
  const physical = await physicalOf(
    vm,
    addresses.map(({ address }) => address),
  );
  const mapped = physical.filter((at) => at !== null);
  const bytes = await bytesAtPhysical(vm, mapped, LENGTH);
  const byPlace = new Map(mapped.map((at, index) => [at, bytes[index] ?? '']));
  return addresses.map((one, index) => {
    const at = physical[index] ?? null;
    return { ...one, physical: at, bytes: at === null ? '' : (byPlace.get(at) ?? '') };
  });
}

export interface OpenFile {
  readonly source: FileSource;
  /** Without a manifest: the machine type says where the guest has its RAM. */
  readonly translator: Translator;
}

export async function openForTranslation(path: string): Promise<OpenFile> {
  const source = await openPath(path);
  return { source, translator: createTranslator(await openSnapshot(source), []) };
}

export interface TranslationCounts {
  /** By the bytes of the page; `not mapped` for those. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly user: number;
  readonly notRam: number;
}

/** Every address must be where QEMU has it, and the file must have the bytes that QEMU has there. */
export async function expectSame(
  { source, translator }: OpenFile,
  asked: readonly Asked[],
  mode: string,
): Promise<TranslationCounts> {
  const sizes = new Map<string, number>();
  let [user, notRam] = [0, 0];
  for (const { address, large, user: ofProcess, physical, bytes } of asked) {
    const where = `0x${address.toString(16)}`;
    const found = await translator.ask({ kind: 'gva', gva: where, cpu: 0 });
    expect(`${where}: ${found.guestPhysical ?? 'not mapped'}`).toBe(`${where}: ${physical ?? 'not mapped'}`);
    expect([found.mapped, found.why === null], where).toEqual([physical !== null, physical !== null]);
    expect(found.mode).toBe(mode);
    const kind = found.mapped ? String(found.pageSize) : 'not mapped';
    sizes.set(kind, (sizes.get(kind) ?? 0) + 1);
    if (!found.mapped) continue;
    if (large) expect(found.pageSize, where).toBeGreaterThan(4096);
    if (ofProcess) user++;
    if (found.fileOffset === null) {
      notRam++;
      continue;
    }
    const saved =
      found.present === true
        ? await source.read(fileOffset(found.fileOffset), byteCount(LENGTH))
        : new Uint8Array(LENGTH);
    expect(`${where} ${Buffer.from(saved).toString('hex')}`).toBe(`${where} ${bytes}`);
  }
  return { sizes, user, notRam };
}
