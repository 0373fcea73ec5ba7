/** Live pictures of a VM's screen as PNG, alternately in two files, so that nobody reads a half-written one. */
import type { Frame, MachineId } from '@shared/contracts/machines';
import { copyFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { takeScreen } from '../qemu/picture';
import type { Qmp } from '../services';

const LIMIT_MS = 5_000;

/** Where the app serves a machine's picture (shell/scheme.ts); the number makes each new one a new address. */
const frameUrl = (id: MachineId, sequence: number): string => `app://stillframe/frame/${id}?n=${String(sequence)}`;

/**
 * Puts the VM's screen into a PNG file; false when QEMU gave no picture. Rejects as `Qmp.execute` does and with Node's own
 * errors. QEMU must not write the PNG itself: on a full disk its libpng ends the VM.
 */
export async function screendump(qmp: Qmp, pngPath: string): Promise<boolean> {
  const png = await takeScreen(qmp, `${pngPath}.ppm`, LIMIT_MS);
  if (png !== null) await writeFile(pngPath, png, { mode: 0o600 });
  return png !== null;
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
      const taken = await screendump(qmp, path);
      if (taken) this.show(path, new Date());
      return taken;
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
