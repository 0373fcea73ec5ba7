import { fail } from '@shared/contracts/failure';
import type { TransferApi, TransferSetup } from '@shared/contracts/transfer';
import { openDeviceJson } from './device-json';
import { openElf } from './elf';
import { openEmit } from './emit';
import { openFileChannel } from '../io/file-channel';
import { openFileBytes } from './file-bytes';
import { openIngest } from './ingest';
import { Joining } from './joining';
import { openRange } from './range';
import { openRaw } from './raw';
import { openReport } from './report';
import type { OpenChannel } from './target-file';
import type { Transfer } from './transfer';
import { freeTurn, Stepper } from './turn';

/** The transfers of one worker: at most one is under way. `openChannel` is for tests. */
export function createTransferApi(openChannel: OpenChannel = openFileChannel): TransferApi {
  let current: { readonly transfer: Transfer; readonly stepper: Stepper } | null = null;
  let joining: Joining | null = null;

  const end = async (): Promise<void> => {
    const ending = current;
    current = null;
    if (ending === null) return;
    await ending.stepper.end();
    await ending.transfer.close();
  };

  return {
    beginTransfer: async (setup) => {
      await end();
      const transfer = await open(setup, openChannel);
      current = { transfer, stepper: new Stepper((turn) => transfer.run(turn)) };
      return transfer.form;
    },
    stepTransfer: async () => {
      if (current === null)
        throw fail('worker.refused', 'transferring', 'no transfer is under way', 'Begin one first.');
      const { transfer, stepper } = current;
      const done = await stepper.step().catch(async (error: unknown) => {
        await end();
        throw error;
      });
      if (done) await end();
      return { done, ...transfer.progress() };
    },
    endTransfer: end,
    beginJoin: async (setup) => {
      joining?.close();
      joining = null;
      joining = await Joining.begin(setup, openChannel);
      return joining.blocks;
    },
    finishJoin: async (copied) => {
      const ending = joining;
      joining = null;
      if (ending === null) throw fail('worker.refused', 'joining', 'no join is under way', 'Begin one first.');
      try {
        return await ending.finish(copied);
      } finally {
        ending.close();
      }
    },
    split: async (source, target, external) => {
      const transfer = await openEmit(source, target, external);
      try {
        await transfer.run(freeTurn());
        return transfer.progress().bytesWritten;
      } finally {
        await transfer.close();
      }
    },
  };
}

const open = (setup: TransferSetup, openChannel: OpenChannel): Promise<Transfer> => {
  switch (setup.kind) {
    case 'ingest':
      return openIngest(setup.source, setup.target, openChannel);
    case 'emit':
      return openEmit(setup.source, setup.target);
    case 'raw':
      return openRaw(setup.source, setup.target, setup.block, openChannel);
    case 'range':
      return openRange(setup.source, setup.target, setup.range, openChannel);
    case 'elf':
      return openElf(setup.source, setup.target, setup.ramMap, openChannel);
    case 'devices':
      return openDeviceJson(setup.source, setup.target, openChannel);
    case 'report':
      return openReport(setup, openChannel);
    case 'bytes':
      return openFileBytes(setup, openChannel);
  }
};
