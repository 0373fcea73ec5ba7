import { open, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createTransferApi } from '../../src-worker/transfer/service';
import type { Lease } from '../../src-shared/contracts/lease';
import { tempDirPerTest } from '../support/temp';
import { PlainQemu, restoreWithPlainQemu } from '../support/plain-qemu';
import { openPath } from '../../src-worker/io/file-source';
import { openSnapshot } from '../../src-worker/snapshot/open';
import { planBlocks } from '../../src-shared/mapped-ram/plan';
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
it('joins', async () => {
  const ram = join(temp(), 'ram');
  const base = ['-M', 'q35,memory-backend=pc.ram', '-m', '64', '-vga', 'std', '-device', 'loader,addr=0x1234567,data=0x1122334455667788,data-len=8'];
  const vm = await PlainQemu.start({ argv: [...base, '-object', `memory-backend-file,id=pc.ram,size=64M,mem-path=${ram},share=on`], folder: temp() });
  await new Promise((r) => setTimeout(r, 1500));
  await vm.qmp('stop');
  const text = await vm.qmp<string>('human-monitor-command', { 'command-line': 'info ramblock' });
  console.error(text);
  const path = join(temp(), 's');
  await vm.save(`file:${path}`, { capabilities: { 'x-ignore-shared': true } });
  const want = await vm.readMemory(0, 64 << 20);
  await vm.stop();
  const api = createTransferApi();
  const blocks = await api.outlineState(await leaseOf(path));
  console.error(blocks);
  const plan = planBlocks(blocks.map((b) => ({ ...b, pageSize: 4096 })));
  const out = join(temp(), 'm');
  const f = await open(out, 'w+');
  const bytes = await (await open(ram)).readFile();
  const bitmap = new Uint8Array(16384 / 8);
  for (let p = 0; p < 16384; p++) {
    const page = bytes.subarray(p * 4096, p * 4096 + 4096);
    if (page.some((b) => b !== 0)) { bitmap[p >> 3]! |= 1 << (p & 7); await f.write(page, 0, 4096, plan[0]!.pagesOffset + p * 4096); }
  }
  console.error(await api.join({ state: await leaseOf(path), target: await leaseOf(out), plan, copied: { 'pc.ram': bitmap } }));
  const report = await inspectSnapshot(await openSnapshot(await openPath(out)));
  console.error(report.problems, report.complete);
  for (const migrate of [{ mappedRam: true }, { mappedRam: true, channels: 2 }, { mappedRam: true, channels: 2, directIo: true }]) {
    const back = await restoreWithPlainQemu({ argv: [...base, '-object', 'memory-backend-ram,id=pc.ram,size=64M', '-S'], folder: temp(), uri: `file:${out}`, migrate });
    console.error('join', (await back.readMemory(0, 64 << 20)).equals(want));
    await back.stop();
  }
  const part = join(temp(), 'p');
  await writeFile(part, '');
  console.error(await api.split(await leaseOf(out), await leaseOf(part), ['pc.ram']));
  await writeFile(ram, bytes);
  const back = await restoreWithPlainQemu({ argv: [...base, '-object', `memory-backend-file,id=pc.ram,size=64M,mem-path=${ram},share=on`, '-S'], folder: temp(), uri: `file:${part}` });
  console.error('split', (await back.readMemory(0, 64 << 20)).equals(want));
  await back.stop();
});
