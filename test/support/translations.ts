/** Holding translations of a saved file against what QEMU said of the same addresses at the save. */
import { expect } from 'vitest';
import { byteCount, fileOffset } from '../../src-shared/bytes/units';
import { openPath, type FileSource } from '../../src-worker/io/file-source';
import { openSnapshot } from '../../src-worker/snapshot/open';
import { createPlaces, type Places } from '../../src-worker/snapshot/places';
import type { Translator } from '../../src-worker/snapshot/translate';
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
  readonly places: Places;
}

export async function openForTranslation(path: string): Promise<OpenFile> {
  const source = await openPath(path);
  const places = createPlaces(await openSnapshot(source), []);
  return { source, places, translator: places.translator };
}

/**
 * From the places of `count` addresses that are mapped and in the file back to the addresses: each is among those that are
 * answered, and every one of these leads to the same byte. `others`: how many had more than one.
 */
export async function expectFoundAgain(
  { places, translator }: OpenFile,
  asked: readonly Asked[],
  count: number,
): Promise<{ readonly others: number }> {
  const ask = (gva: string): ReturnType<Translator['ask']> => translator.ask({ kind: 'gva', gva, cpu: 0 });
  // Of every kind in turn.
  const mixed = [0, 1, 2, 3].flatMap((rest) => asked.filter((_, at) => at % 4 === rest));
  let [done, others] = [0, 0];
  for (const one of mixed) {
    if (done === count) break;
    if (one.physical === null) continue;
    const gva = `0x${one.address.toString(16)}`;
    const { fileOffset, guestPhysical } = await ask(gva);
    if (fileOffset === null) continue;
    done++;
    const found = await places.placeOf(fileOffset, 0);
    expect([found.fileOffset, found.guestPhysical, found.why], gva).toEqual([fileOffset, guestPhysical, null]);
    const virtual = found.guestVirtual;
    const answers = [virtual?.address ?? '', ...(virtual?.listed ?? [])];
    expect(new Set(answers).size, gva).toBe(answers.length);
    if (virtual !== null && virtual.others === virtual.listed.length) expect(answers).toContain(gva);
    if ((virtual?.others ?? 0) > 0) others++;
    for (const answer of answers) expect((await ask(answer)).fileOffset, `${gva}, ${answer}`).toBe(fileOffset);
    expect(found.walk).toEqual(await ask(answers[0] ?? ''));
  }
  expect(done).toBe(count);
  return { others };
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
