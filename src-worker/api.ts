import type { WorkerApi } from '@shared/contracts/worker';
import { createChannel } from './channels/channel';
import { createExplorer } from './explorer';
import { dataSync, syncFolder, writeBack } from './io/flush';
import { withLease } from './io/lease';
import { ramFiles } from './io/ram-files';
import { readBitmapSlice } from './snapshot/bitmap-slice';
import { checkSaved } from './snapshot/check';
import { readDevices } from './snapshot/devices';
import { inspectSnapshot } from './snapshot/inspect';
import { locateInSnapshot } from './snapshot/locate';
import { openSnapshot } from './snapshot/open';
import { createPlaces } from './snapshot/places';
import { createTransferApi } from './transfer/service';
import { createTranslator } from './snapshot/translate';
import { structureTree } from './snapshot/tree';
import { deviceTrees } from './snapshot/tree-fields';
import { createSyntheticGuest } from './synthetic/guest';

/**
 * What this worker does for main. Every call opens the lent file anew and closes it; nothing is kept between calls but the
 * one channel or synthetic guest that this worker may be, and the transfer, search and comparison that are open.
 */
export function createWorkerApi(): WorkerApi {
  return {
    hello: () => Promise.resolve({ pid: process.pid }),
    inspect: (lease) =>
      withLease(lease, async (source) =>
        inspectSnapshot(await openSnapshot(source, { streamOffset: lease.streamOffset })),
      ),
    wasRunning: (lease) =>
      withLease(lease, async (source) => {
        const { stream } = await openSnapshot(source, { streamOffset: lease.streamOffset });
        const { libvirt } = stream.container;
        return libvirt === null ? null : libvirt.header.values['was running'] !== 0;
      }),
    locate: (lease, query, ramMap) =>
      withLease(lease, async (source) =>
        locateInSnapshot(await openSnapshot(source, { streamOffset: lease.streamOffset }), query, ramMap),
      ),
    translate: (lease, query, ramMap) =>
      withLease(lease, async (source) =>
        createTranslator(await openSnapshot(source, { streamOffset: lease.streamOffset }), ramMap).ask(query),
      ),
    place: (lease, query, cpu, ramMap) =>
      withLease(lease, async (source) =>
        createPlaces(await openSnapshot(source, { streamOffset: lease.streamOffset }), ramMap).locate(query, cpu),
      ),
    tree: (lease) =>
      withLease(lease, async (source) =>
        structureTree(await openSnapshot(source, { streamOffset: lease.streamOffset })),
      ),
    deviceTrees: (lease, from) =>
      withLease(lease, async (source) =>
        deviceTrees(await openSnapshot(source, { streamOffset: lease.streamOffset }), from),
      ),
    devices: (lease, from) =>
      withLease(lease, async (source) =>
        readDevices(await openSnapshot(source, { streamOffset: lease.streamOffset }), from),
      ),
    checkSaved: (lease) =>
      withLease(lease, async (source) =>
        checkSaved(await openSnapshot(source, { streamOffset: lease.streamOffset }), source),
      ),
    writeBack: (lease, offset, length) => withLease(lease, (source) => writeBack(source, offset, length)),
    dataSync: (lease) => withLease(lease, dataSync),
    syncFolder,
    ...createChannel(),
    ...ramFiles,
    ...createSyntheticGuest(),
    ...createExplorer(),
    readBitmap: (lease, block, firstPage, pages) =>
      withLease(lease, async (source) =>
        readBitmapSlice(
          source,
          await openSnapshot(source, { streamOffset: lease.streamOffset }),
          block,
          firstPage,
          pages,
        ),
      ),
    ...createTransferApi(),
  };
}
