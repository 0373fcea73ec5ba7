/** Where addresses in the bytes lead: see `InspectorLeadsApi`. */
import { fail } from '@shared/contracts/failure';
import type { TranslateReport } from '@shared/contracts/inspect';
import { MAX_LEADS, type InspectorLeadsApi, type Lead } from '@shared/contracts/inspector-leads';
import type { Opened } from './service';

/** CPUs have numbers below this. */
const MOST_CPUS = 65_536;
const ADDRESS = /^0x[\da-f]{1,16}$/i;
/** Flags of entries that forbid to run what is there: of x86, and of AArch64's kernel. */
const FORBIDS: ReadonlySet<string> = new Set(['no execute', 'no execute in the kernel']);

export function createInspectorLeads({ opened }: { opened(): Promise<Pick<Opened, 'places'>> }): InspectorLeadsApi {
  return {
    leadsOf: async (addresses, cpu) => {
      if (!Array.isArray(addresses) || addresses.length > MAX_LEADS || !addresses.every(isAddress))
        throw refusal('addresses', `at most ${MAX_LEADS} texts of 0x and hexadecimal digits`);
      if (!Number.isSafeInteger(cpu) || cpu < 0 || cpu >= MOST_CPUS) throw refusal('cpu', 'the number of a CPU');
      const { places } = await opened();
      if (places === null)
        throw fail('format.not-a-stream', 'following addresses', 'this file has no pages', 'Open a save file.');
      const leads: (Lead | null)[] = [];
      // One after the other: neighbours share tables, which are kept.
      for (const gva of addresses) leads.push(leadIn(await places.translator.ask({ kind: 'gva', gva, cpu })));
      return leads;
    },
  };
}

function leadIn({ fileOffset, block, page, present, steps }: TranslateReport): Lead | null {
  if (fileOffset === null || block === null || page === null) return null;
  const executable = steps.length > 0 && !steps.some(({ flags }) => flags.some((flag) => FORBIDS.has(flag)));
  return { fileOffset, block, page, present: present === true, executable };
}

const isAddress = (value: unknown): value is string => typeof value === 'string' && ADDRESS.test(value);

const refusal = (name: string, must: string): Error =>
  fail('usage', 'asking the inspector', `${name} must be ${must}`, 'Report this.');
