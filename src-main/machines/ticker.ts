/** While somebody looks at the machines: their states every second or two, and pictures of the screens that move. */
import type { MachineEntry } from './entry';
import type { Roster } from './roster';

const PERIOD_MS = 1_000;
const ROUNDS_WHILE_SAVING = 3;

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
    if (live.state === 'starting' || live.state === 'lost') return;
    // A picture of a guest that stands still need not be taken twice; a save is not to be held up by pictures.
    const { frame } = entry.thumbnail;
    if (live.state !== 'running' && frame !== null && frame.at > entry.stateSince()) return;
    if (entry.saving !== null && this.count % ROUNDS_WHILE_SAVING !== 0) return;
    await entry.thumbnail.take(live.qmp, folder);
  }
}
