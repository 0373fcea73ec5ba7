/** The progress of a save on stderr: a bar that is drawn over on a terminal, a line per phase otherwise. */
import type { SaveJob, SavePhase, SaveProgress } from '@shared/contracts/saves';
import { duration, fileSize, printable, rate } from './format';
import type { Terminal } from './terminal';

const WORDS: Readonly<Record<SavePhase, string>> = {
  preparing: 'Preparing',
  writing: 'Writing',
  flushing: 'Flushing to stable storage',
  sealing: 'Sealing',
};
export const REDRAW_MS = 100;
const BAR_CELLS = 20;
export const ERASE_LINE = '\r\u001B[K';

export interface ProgressPrinter {
  show(job: SaveJob): void;
  /** Takes the bar away, so that what follows starts on an empty line. */
  end(): void;
}

export function createProgressPrinter(terminal: Terminal): ProgressPrinter {
  return terminal.liveErr ? liveBar(terminal) : linePerPhase(terminal);
}

/** The phase as a word. The file is checked in the phase that flushes it, and only checked with `--flush none`. */
const phaseWord = ({ progress: { phase }, options: { flush } }: SaveJob): string =>
  phase === 'flushing' && flush === 'none' ? 'Checking' : WORDS[phase];

/** "Writing, pass 2. 6.84 GB, 412 MB/s, 4 s left." without its full stop, as far as it is known. */
function sentence(job: SaveJob): string {
  const { progress } = job;
  if (progress.phase !== 'writing') return phaseWord(job);
  const pass = progress.pass > 0 ? `, pass ${progress.pass}` : '';
  const left =
    progress.secondsLeft === null
      ? 'time left unknown'
      : `${duration(Math.max(1, Math.ceil(progress.secondsLeft)) * 1000)} left`;
  return `Writing${pass}. ${fileSize(progress.bytesWritten)}, ${rate(progress.bytesPerSecond)}, ${left}`;
}

/** What must be said once and not drawn over: notices, and why a live save is finished paused. */
function newsOf(terminal: Terminal): (progress: SaveProgress) => void {
  const said = new Set<string>();
  return ({ notices, finishingPaused }) => {
    for (const text of finishingPaused === null ? notices : [...notices, finishingPaused]) {
      if (said.has(text)) continue;
      said.add(text);
      terminal.err(`${printable(text)}\n`);
    }
  };
}

function linePerPhase(terminal: Terminal): ProgressPrinter {
  const news = newsOf(terminal);
  let last: SavePhase | null = null;
  return {
    show(job) {
      const { progress } = job;
      if (progress.phase !== last) terminal.err(`${phaseWord(job)}.\n`);
      last = progress.phase;
      news(progress);
    },
    end: () => undefined,
  };
}

function liveBar(terminal: Terminal): ProgressPrinter {
  let drawn = false;
  let lastPhase: SavePhase | null = null;
  let lastAt = 0;
  const end = (): void => {
    if (drawn) terminal.err(ERASE_LINE);
    drawn = false;
  };
  const news = newsOf({
    ...terminal,
    err: (text) => {
      end();
      terminal.err(text);
    },
  });
  return {
    show(job) {
      const { progress, cancelling } = job;
      news(progress);
      const now = performance.now();
      if (progress.phase === lastPhase && now - lastAt < REDRAW_MS) return;
      [lastPhase, lastAt] = [progress.phase, now];
      const text = cancelling ? 'Cancelling' : sentence(job);
      terminal.err(`${ERASE_LINE}${`${bar(progress.phaseFraction)} ${text}`.slice(0, terminal.columns - 1)}`);
      drawn = true;
    },
    end,
  };
}

/** A bar of 20 cells; empty while nobody knows. */
export function bar(fraction: number | null): string {
  const full = Math.round(Math.min(1, Math.max(0, fraction ?? 0)) * BAR_CELLS);
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_CELLS - full)}]`;
}
