/** The progress of a conversion on stderr: a bar that is drawn over on a terminal, a line per phase otherwise. */
import type { ConvertProgress } from '../services';
import { duration, fileSize, rate } from './format';
import { bar, ERASE_LINE, REDRAW_MS } from './progress';
import type { Terminal } from './terminal';

export interface ConvertPrinter {
  show(progress: ConvertProgress): void;
  /** Takes the bar away, so that what follows starts on an empty line. */
  end(): void;
}

const WORDS = { converting: 'Converting', flushing: 'Flushing to stable storage' } as const;

/** Rates and times left are told from this long after a phase began. */
const SETTLED_MS = 200;

export function createConvertPrinter(terminal: Terminal): ConvertPrinter {
  let phase: ConvertProgress['phase'] | null = null;
  let phaseBegan = 0;
  let drawnAt = 0;
  let drawn = false;
  return {
    show(progress) {
      const isNew = progress.phase !== phase;
      if (isNew) [phase, phaseBegan] = [progress.phase, progress.elapsedMs];
      if (!terminal.liveErr) {
        if (isNew) terminal.err(`${WORDS[progress.phase]}.\n`);
        return;
      }
      if (!isNew && progress.elapsedMs - drawnAt < REDRAW_MS) return;
      drawnAt = progress.elapsedMs;
      const line = `${bar(progress.fraction)} ${sentenceOf(progress, progress.elapsedMs - phaseBegan)}`;
      terminal.err(`${ERASE_LINE}${line.slice(0, terminal.columns - 1)}`);
      drawn = true;
    },
    end() {
      if (drawn) terminal.err(ERASE_LINE);
      drawn = false;
    },
  };
}

/** "Converting. 1.20 GB read, 840 MB written, 34 %, 812 MB/s, 4 s left" of a phase that began `forMs` ago. */
export function sentenceOf({ phase, bytesRead, bytesWritten, fraction }: ConvertProgress, forMs: number): string {
  const most = Math.max(bytesRead, bytesWritten);
  const parts = [
    ...(bytesRead > 0 ? [`${fileSize(bytesRead)} read`] : []),
    `${fileSize(bytesWritten)} ${phase === 'flushing' ? 'of it' : 'written'}`,
    ...(fraction === null ? [] : [`${Math.floor(fraction * 100)} %`]),
    ...(forMs < SETTLED_MS ? [] : [rate((most * 1000) / forMs)]),
    ...(fraction === null || fraction === 0 || forMs < SETTLED_MS
      ? []
      : [`${duration(Math.max(1, Math.ceil((forMs * (1 - fraction)) / fraction / 1000)) * 1000)} left`]),
  ];
  return `${WORDS[phase]}. ${parts.join(', ')}`;
}
