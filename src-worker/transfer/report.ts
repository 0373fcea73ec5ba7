/** What is known of a file of any kind as one document. */
import type { PageAllocation, ReportDevice } from '@shared/contracts/report';
import type { TransferSetup } from '@shared/contracts/transfer';
import { fileReport, reportJson } from '@shared/report/file-report';
import { reportMarkdown } from '@shared/report/markdown';
import type { DescribedDevice } from '@shared/stream/described-devices';
import { ramMapOf } from '../guest/ram-map';
import { openLease } from '../io/lease';
import { holesAreKnown } from '../snapshot/check';
import { devicesOf, endOfSection } from '../snapshot/device-data';
import { inspectSnapshot } from '../snapshot/inspect';
import { openSnapshot } from '../snapshot/open';
import { pageAllocation } from './page-allocation';
import { TargetFile, type OpenChannel } from './target-file';
import type { Transfer } from './transfer';

/** Opens both ends. Rejects as `openSnapshot` does. */
export async function openReport(
  { source, target, form, ramMap, snapshot }: Extract<TransferSetup, { kind: 'report' }>,
  openChannel: OpenChannel,
): Promise<Transfer> {
  const file = await openLease(source);
  try {
    const opened = await openSnapshot(file, { streamOffset: source.streamOffset });
    const { ramBlocks } = opened.stream;
    const out = TargetFile.openNew(target, openChannel);
    let done = 0;
    return {
      form: ramBlocks.some(({ header }) => header !== null) ? 'mapped-ram' : 'stream',
      run: async (turn) => {
        const holesKnown = await holesAreKnown(file);
        const allocation: (PageAllocation | null)[] = [];
        for (const block of ramBlocks) {
          allocation.push(holesKnown ? await pageAllocation(opened, block, turn) : null);
          done += 1;
        }
        const { map, source: from } = ramMapOf(opened.stream, ramMap);
        const report = fileReport({
          inspected: await inspectSnapshot(opened),
          bytesOnDisk: await file.allocatedBytes(),
          snapshot,
          allocation,
          ramMap: { source: from, ranges: map },
          devices: (await devicesOf(opened)).map(reportDevice),
        });
        out.write(Buffer.from(form === 'json' ? reportJson(report) : reportMarkdown(report)), 0);
      },
      progress: () => ({
        bytesRead: 0,
        bytesWritten: out.bytesWritten,
        pages: 0,
        zeroPages: 0,
        fraction: ramBlocks.length === 0 ? null : done / ramBlocks.length,
      }),
      close: async () => {
        out.close();
        await file.close();
      },
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function reportDevice({ section, state }: DescribedDevice): ReportDevice {
  const { instance, version } = section.record.values;
  return {
    name: section.name,
    instance,
    version,
    offset: section.offset,
    length: endOfSection(section) - section.offset,
    dataOffset: section.data.offset,
    dataLength: section.data.length,
    described: state !== null,
  };
}
