/** The devices of a file of any kind as one JSON document, the one that `stillframe devices --json` prints. */
import type { Lease } from '@shared/contracts/lease';
import type { Problem } from '@shared/contracts/inspect';
import { openLease } from '../io/lease';
import { readDevices } from '../snapshot/devices';
import { openSnapshot } from '../snapshot/open';
import { TargetFile, type OpenChannel } from './target-file';
import type { Transfer } from './transfer';

/** Opens both ends. Rejects as `openSnapshot` does. */
export async function openDeviceJson(source: Lease, target: Lease, openChannel: OpenChannel): Promise<Transfer> {
  const file = await openLease(source);
  try {
    const snapshot = await openSnapshot(file, { streamOffset: source.streamOffset });
    const out = TargetFile.openNew(target, openChannel);
    let fraction: number | null = null;
    const write = (text: string): void => out.write(Buffer.from(text), out.bytesWritten);
    return {
      form: snapshot.stream.ramBlocks.some(({ header }) => header !== null) ? 'mapped-ram' : 'stream',
      run: async (turn) => {
        const problems: Problem[] = [];
        write('{\n  "devices": [');
        let count = 0;
        for (let next: number | null = 0; next !== null;) {
          if (turn.due) await turn.pass();
          const page: Awaited<ReturnType<typeof readDevices>> = await readDevices(snapshot, next);
          problems.push(...page.problems);
          for (const device of page.devices) write(`${count++ === 0 ? '' : ','}\n    ${JSON.stringify(device)}`);
          next = page.next;
        }
        write(`\n  ],\n  "problems": ${JSON.stringify(problems)}\n}\n`);
        fraction = 1;
      },
      progress: () => ({ bytesRead: 0, bytesWritten: out.bytesWritten, pages: 0, zeroPages: 0, fraction }),
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
