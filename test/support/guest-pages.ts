/** What QEMU says of a guest's virtual memory, through its monitor. Imports nothing from src-*. */
import type { PlainQemu } from './plain-qemu';

/** An entry of the guest's page tables that maps something. */
export interface MappedPage {
  readonly address: bigint;
  readonly physical: bigint;
  /** Larger than the smallest page. */
  readonly large: boolean;
  /** Of a user process. */
  readonly user: boolean;
}

const MASK = 2n ** 64n - 1n;
/** Questions that are on their way at once. */
const AT_ONCE = 500;

export const hmp = (vm: PlainQemu, line: string): Promise<string> =>
  vm.qmp<string>('human-monitor-command', { 'command-line': line });

/** Every page that an x86 guest's current tables map: `info tlb`, a line each. */
export async function mappedPages(vm: PlainQemu): Promise<readonly MappedPage[]> {
  // `ffff888000200000: 0000000000200000 XGPDA---W`
  return [
    ...(await hmp(vm, 'info tlb')).matchAll(/^([\da-f]{16}): ([\da-f]{16}) [X-][G-]([P-])[D-][A-][C-][T-]([U-])/gm),
  ].map(([, address = '0', physical = '0', large, user]) => ({
    address: BigInt(`0x${address}`) & MASK,
    physical: BigInt(`0x${physical}`),
    large: large === 'P',
    user: user === 'U',
  }));
}

/** `gva2gpa` of many addresses; null where QEMU says that one is not mapped. */
export function physicalOf(vm: PlainQemu, addresses: readonly bigint[]): Promise<readonly (bigint | null)[]> {
  return askMany(addresses, async (address) => {
    const said = await hmp(vm, `gva2gpa 0x${address.toString(16)}`);
    const found = /^gpa: (0x[\da-f]+|0)\s*$/.exec(said)?.[1];
    if (found === undefined && !said.startsWith('Unmapped')) throw new Error(`gva2gpa said: ${said}`);
    return found === undefined ? null : BigInt(found);
  });
}

/** Bytes at guest-physical addresses: `xp`, all in hexadecimal. */
export function bytesAtPhysical(
  vm: PlainQemu,
  addresses: readonly bigint[],
  length: number,
): Promise<readonly string[]> {
  return askMany(addresses, async (address) => {
    const said = await hmp(vm, `xp /${length}xb 0x${address.toString(16)}`);
    return [...said.matchAll(/ 0x([\da-f]{2})/g)].map(([, byte]) => byte).join('');
  });
}

async function askMany<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<readonly R[]> {
  const answers: R[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    answers.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(ask))));
  }
  return answers;
}
