/** Live pictures of a VM's screen: QEMU writes a PNG, alternately into two files, so that nobody reads a half-written one. */
import type { Frame, MachineId } from '@shared/contracts/machines';
import { copyFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Qmp } from '../services';

const LIMIT_MS = 5_000;

/** Where the app serves a machine's picture (shell/scheme.ts); the number makes each new one a new address. */
const frameUrl = (id: MachineId, sequence: number): string => `app://stillframe/frame/${id}?n=${String(sequence)}`;

/** Has QEMU write its screen as PNG; rejects as `Qmp.execute` does. The path is QEMU's to open: absolute. */
export async function screendump(qmp: Qmp, pngPath: string): Promise<void> {
  await qmp.execute('screendump', { filename: pngPath, format: 'png' }, { timeoutMs: LIMIT_MS });
}

export class Thumbnail {
  frame: Frame | null = null;
  path: string | null = null;
  private sequence = 0;
  private taking = false;

  constructor(private readonly id: MachineId) {}

  /** Takes a picture into `folder`, unless one is being taken. A VM that refuses keeps the picture it has. */
  async take(qmp: Qmp, folder: string): Promise<boolean> {
    if (this.taking) return false;
    this.taking = true;
    const path = join(folder, this.sequence % 2 === 0 ? 'frame-a.png' : 'frame-b.png');
    try {
      await screendump(qmp, path);
      this.show(path, new Date());
      return true;
    } catch {
      return false;
    } finally {
      this.taking = false;
    }
  }

  /** Keeps the newest picture as `path`, for when the VM is off. */
  async keep(path: string): Promise<void> {
    if (this.path === null || this.path === path || this.frame === null) return;
    const { at } = this.frame;
    await copyFile(this.path, path).then(
      () => this.show(path, new Date(at)),
      () => this.drop(),
    );
  }

  /** Shows a picture that was kept, if there is one. */
  async load(path: string): Promise<void> {
    const file = await stat(path).catch(() => null);
    if (file?.isFile() === true) this.show(path, file.mtime);
  }

  private show(path: string, at: Date): void {
    this.sequence += 1;
    this.path = path;
    this.frame = { url: frameUrl(this.id, this.sequence), sequence: this.sequence, at: at.toISOString() };
  }

  private drop(): void {
    this.path = null;
    this.frame = null;
  }
}
