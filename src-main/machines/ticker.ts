/** While somebody looks at the machines: their states every second or two, and pictures of the screens that move. */
import type { MachineEntry } from './entry';
import type { Roster } from './roster';

const PERIOD_MS = 1_000;

export class Ticker {
  /** Whether pictures are taken: not while the window is hidden. */
  pictures = true;
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> | null = null;
  private count = 0;

  constructor(private readonly roster: Roster) {}

  start(): void {
    if (this.timer !== null) return;
    this.timer = setInterval(() => this.begin(), PERIOD_MS);
    this.timer.unref();
    this.begin();
  }

  /** Stops and waits for the round under way. */
  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    await this.running;
  }

  private begin(): void {
    this.running ??= this.round().finally(() => {
      this.running = null;
    });
  }

  private async round(): Promise<void> {
    this.count += 1;
    if (this.count % 2 === 1) await this.roster.scan().catch(() => undefined);
    await Promise.all(this.roster.all().map((entry) => this.visit(entry)));
    this.roster.changed();
  }

  private async visit(entry: MachineEntry): Promise<void> {
    const { live, folder } = entry;
    if (live === null) return;
    await live.refresh();
    if (!this.pictures || folder === null || live.qmp === null || live.facts?.hasDisplay !== true) return;
    const stands = live.state !== 'running';
    const { frame } = entry.thumbnail;
    // A picture of a guest that stands still need not be taken twice.
    if (stands && frame !== null && frame.at > entry.stateSince()) return;
    await entry.thumbnail.take(live.qmp, folder);
  }
}
