import { open, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createTransferApi } from '../../src-worker/transfer/service';
import type { Lease } from '../../src-shared/contracts/lease';
import { tempDirPerTest } from '../support/temp';
import { PlainQemu, restoreWithPlainQemu } from '../support/plain-qemu';
import { openPath } from '../../src-worker/io/file-source';
import { openSnapshot } from '../../src-worker/snapshot/open';
import { inspectSnapshot } from '../../src-worker/snapshot/inspect';

const temp = tempDirPerTest();
async function leaseOf(path: string): Promise<Lease> {
  const { dev, ino } = await stat(path, { bigint: true });
  return { path, dev: String(dev), ino: String(ino), name: path, streamOffset: null };
}
it('ingests', async () => {
  const argv = ['-M', 'q35', '-m', '64', '-vga', 'std', '-device', 'loader,addr=0x1234567,data=0x1122334455667788,data-len=8'];
  const vm = await PlainQemu.start({ argv, folder: temp() });
  const path = join(temp(), 's');
  await new Promise((r) => setTimeout(r, 1500));
  await vm.qmp('stop');
  await vm.save(`file:${path}`, {});
  const want = await vm.readMemory(0, 64 << 20);
  await vm.stop();
  const out = join(temp(), 'm');
  await writeFile(out, '');
  const api = createTransferApi();
  const t0 = performance.now();
  await api.beginTransfer({ kind: 'ingest', source: await leaseOf(path), target: await leaseOf(out) });
  for (;;) {
    const p = await api.stepTransfer();
    if (p.done) { console.error(p, performance.now() - t0); break; }
  }
  const src = await openPath(out);
  const report = await inspectSnapshot(await openSnapshot(src));
  console.error(report.problems, report.complete, report.ramBlocks, report.sections.slice(0, 8));
  for (const migrate of [{ mappedRam: true }, { mappedRam: true, channels: 2 }, { mappedRam: true, channels: 2, directIo: true }]) {
    const back = await restoreWithPlainQemu({ argv: [...argv, '-S'], folder: temp(), uri: `file:${out}`, migrate });
    const have = await back.readMemory(0, 64 << 20);
    console.error(have.equals(want));
    await back.stop();
  }
  const again = join(temp(), 'e');
  await writeFile(again, '');
  await api.beginTransfer({ kind: 'emit', source: await leaseOf(out), target: await leaseOf(again) });
  for (;;) {
    const p = await api.stepTransfer();
    if (p.done) { console.error(p); break; }
  }
  const back = await restoreWithPlainQemu({ argv: [...argv, '-S'], folder: temp(), uri: `file:${again}` });
  console.error('emit', (await back.readMemory(0, 64 << 20)).equals(want));
  await back.stop();
});
