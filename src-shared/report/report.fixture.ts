/** Facts of a small file, for tests. */
import { blockOffset, byteCount, guestPhysical } from '../bytes/units';
import type { ReportFacts } from './file-report';

export const exampleFacts = (over: Partial<ReportFacts> = {}): ReportFacts => ({
  inspected: {
    file: '/vm/memory.mapped',
    size: 3 * 2 ** 20,
    container: { kind: 'qemu', streamOffset: 0 },
    machine: 'pc-q35-10.0',
    capabilities: ['mapped-ram'],
    ramBlocks: [
      {
        name: 'pc.ram',
        usedLength: 2 ** 20,
        pageSize: 4096,
        recordOffset: 0x60,
        headerOffset: 0x6f,
        bitmapOffset: 0x8b,
        bitmapLength: 32,
        pagesOffset: 2 ** 20,
        pagesTotal: 256,
        pagesPresent: 17,
      },
    ],
    sections: [{ type: 'full', id: 3, name: 'timer', instance: 0, version: 2, offset: 0x200000 }],
    vmDescription: { offset: 0x200100, length: 500 },
    complete: true,
    problems: [],
  },
  bytesOnDisk: 70_000,
  snapshot: null,
  allocation: [{ stale: 4, lost: 0 }],
  ramMap: {
    source: 'machine-type',
    ranges: [
      { block: 'pc.ram', blockOffset: blockOffset(0), guestPhysical: guestPhysical(0), length: byteCount(2 ** 20) },
    ],
  },
  devices: [
    {
      name: 'timer',
      instance: 0,
      version: 2,
      offset: 0x200000,
      length: 40,
      dataOffset: 0x200012,
      dataLength: 24,
      described: true,
    },
  ],
  ...over,
});
