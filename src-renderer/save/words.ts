/** What is said about a save, on cards, in the footer and in the progress view. */
import type { SaveJob, SaveOptions, SavePhase, SaveProgress } from '@shared/contracts/saves';
import { FLUSH_FACTS, clause, engineWords, ioWords } from '../lib/engine-words';
import { counted, duration, percent, rate, size, timeLeft } from '../lib/format';

export const PHASES = ['preparing', 'writing', 'flushing', 'sealing'] as const satisfies readonly SavePhase[];

const PHASE_WORDS: Readonly<Record<SavePhase, string>> = {
  preparing: 'Preparing',
  writing: 'Writing',
  flushing: 'Flushing',
  sealing: 'Sealing',
};

/** Passes are QEMU's: channels copy a guest that stands still, and go over its memory once. */
const hasPasses = ({ plan, pass }: SaveProgress): boolean => plan?.engine !== 'channels' && pass > 0;

/** "Writing, pass 2" */
export const phaseTitle = (phase: SavePhase, progress: SaveProgress): string =>
  phase === 'writing' && hasPasses(progress) ? `Writing, pass ${progress.pass}` : PHASE_WORDS[phase];

/**
 * Seconds to the end: main's own figure, which knows the passes; while the file is flushed, from how far that is. Null
 * when unknown.
 */
export function secondsLeft({ phase, secondsLeft: told, phaseFraction, phaseMs }: SaveProgress): number | null {
  if (told !== null || phase !== 'flushing' || phaseFraction === null || phaseFraction < 0.05) return told;
  return ((phaseMs.flushing / 1000) * (1 - phaseFraction)) / phaseFraction;
}

/** “Writing, pass 2. 6.84 GB, 412 MB/s, 4 s left.” */
export function jobLine(job: SaveJob): string {
  const { progress, outcome } = job;
  if (outcome !== null) return outcomeLine(job);
  if (job.cancelling) return 'Cancelling. The VM and the library go back to as they were.';
  const facts = [size(progress.bytesWritten)];
  if (progress.phase === 'writing') facts.push(rate(progress.bytesPerSecond));
  const left = secondsLeft(progress);
  if (left !== null) facts.push(`${timeLeft(left)} left`);
  return `${phaseTitle(progress.phase, progress)}. ${facts.join(', ')}.`;
}

/** The same for the footer: "deb13-build: writing, pass 2, 6.84 GB, 4 s left" */
export function footerLine(job: SaveJob): string {
  const { progress, machineName } = job;
  if (job.cancelling) return `${machineName}: cancelling`;
  const seconds = secondsLeft(progress);
  const left = seconds === null ? [] : [`${timeLeft(seconds)} left`];
  const phase = phaseTitle(progress.phase, progress).toLowerCase();
  return `${machineName}: ${[phase, size(progress.bytesWritten), ...left].join(', ')}`;
}

function outcomeLine({ outcome, progress, name }: SaveJob): string {
  switch (outcome?.kind) {
    case 'saved':
      return `Saved as ${name}. ${size(outcome.result.bytesWritten)} in ${duration(outcome.result.timings.totalMs)}.`;
    case 'failed':
      return `Not saved. ${outcome.vm}`;
    case 'cancelled':
      return `Cancelled. ${outcome.vm}`;
    case undefined:
      return progress.step;
  }
}

/**
 * 0 … 1 over the whole save, by time: a bar that fills anew with every pass would say nothing. Writing is the first 85 %;
 * null while nobody knows how long it takes.
 */
export function jobFraction({ progress, outcome }: SaveJob): number | null {
  if (outcome?.kind === 'saved') return 1;
  const { phase, elapsedMs, secondsLeft: left, phaseFraction } = progress;
  switch (phase) {
    case 'preparing':
      return 0;
    case 'writing':
      // Of a single pass its own fraction tells enough.
      if (left === null)
        return progress.plan?.engine === 'channels' && phaseFraction !== null ? 0.85 * phaseFraction : null;
      return (0.85 * elapsedMs) / Math.max(1, elapsedMs + left * 1000);
    case 'flushing':
      return 0.85 + 0.1 * (phaseFraction ?? 0);
    case 'sealing':
      return 0.95 + 0.05 * (phaseFraction ?? 0);
  }
}

/** "live, native, 4 channels, direct I/O"; what `auto` took, once that is settled. */
export function optionWords({ options, progress: { plan } }: SaveJob): string {
  const { mode, channels, directIo, engine } = plan === undefined ? options : { ...options, ...plan };
  const who = engine === 'auto' ? counted(channels, 'channel') : engineWords(engine, channels);
  return [mode === 'live' ? 'live' : 'paused first', who, ioWords(directIo)].join(', ');
}

/** "channels, 4, direct I/O. Chosen by auto: the VM’s memory is shared." */
export function engineFact({ options, progress: { plan } }: SaveJob): string {
  if (plan === undefined) return options.engine === 'auto' ? 'auto, being chosen' : options.engine;
  const what = `${engineWords(plan.engine, plan.channels)}, ${ioWords(plan.directIo)}`;
  return options.engine === 'auto' ? `${what}. Chosen by auto: ${clause(plan.why)}.` : what;
}

/** How this save gets to stable storage; null while nobody has decided. */
export function flushFact({ options, progress: { plan } }: SaveJob): string | null {
  const flush = plan?.flush ?? options.flush;
  if (flush === 'auto') return null;
  return `${FLUSH_FACTS[flush]}${options.releaseEarly ? ', after QEMU is released' : ''}`;
}

const AFTER_WORDS: Readonly<Record<SaveOptions['after'], string>> = {
  run: 'leave the VM running',
  pause: 'leave the VM paused',
  quit: 'end its QEMU',
};

/** What becomes of the VM in the end. */
export const afterWords = ({ after, releaseEarly }: SaveOptions): string =>
  after === 'quit' && releaseEarly ? 'end its QEMU before the flush' : AFTER_WORDS[after];

/** What a cancel would do, now. */
export function cancelWords({ progress, options }: SaveJob): string {
  if (progress.guest === 'ended')
    return 'QEMU has ended, so this snapshot is all there is of the VM. The flush stops; the snapshot stays, “not durable”.';
  const guest =
    progress.guest === 'running'
      ? 'The guest goes on running.'
      : options.mode === 'live' || progress.finishingPaused !== null
        ? 'The guest runs again.'
        : 'The guest goes back to what it did before the save.';
  return `${guest} The unfinished file is removed. The library stays as it was.`;
}

/** When a power cut no longer loses anything. */
export function safeWords({ options, progress: { plan } }: SaveJob): string {
  if ((plan?.flush ?? options.flush) === 'none') return NOT_FLUSHED_WORDS;
  return options.releaseEarly ? RELEASED_WORDS : SAFE_WORDS;
}

const SAFE_WORDS =
  '“Saved” appears when memory, manifest and folder are on stable storage. Before that, a power cut loses this snapshot and no other.';
const NOT_FLUSHED_WORDS =
  'This save is not flushed. The library says “not durable”: a power cut soon after it may lose the snapshot.';
const RELEASED_WORDS =
  'QEMU ends before the flush. Until “Saved” appears, a power cut loses both the VM and this snapshot.';

/** 0 … 1 of the part of the track that is going on: of this pass while memory is written; null when unknown. */
export function partFraction({
  plan,
  phase,
  phaseFraction,
  pass,
  passes,
  bytesRemaining,
}: SaveProgress): number | null {
  if (phase !== 'writing' || plan?.engine === 'channels') return phaseFraction;
  const written = passes.find(({ number }) => number === pass)?.bytesWritten;
  if (written === undefined || bytesRemaining === null || written + bytesRemaining === 0) return null;
  return written / (written + bytesRemaining);
}

/** Below the title of a phase in the track. */
export function phaseWords(phase: SavePhase, job: SaveJob, passesExpected: number | null): string {
  const { progress, outcome } = job;
  const at = PHASES.indexOf(progress.phase);
  const index = PHASES.indexOf(phase);
  if (index < at || outcome?.kind === 'saved') return duration(progress.phaseMs[phase]);
  if (index > at) return AHEAD[phase];
  if (outcome !== null) return outcome.kind === 'failed' ? 'stopped here' : 'cancelled here';
  const fraction = partFraction(progress);
  if (phase !== 'writing') return fraction === null ? progress.step : percent(fraction);
  // What comes after the last page is short, and no part of it is known.
  const known = fraction === null || fraction >= 1 ? [] : [percent(fraction)];
  if (!hasPasses(progress)) return [progress.step, ...known].join(', ');
  const part = fraction === null ? [] : [`${percent(fraction)} of this pass`];
  return [...part, ...moreWords(passesExpected)].join(', ') || progress.step;
}

const AHEAD: Readonly<Record<SavePhase, string>> = {
  preparing: '',
  writing: 'memory of the guest',
  flushing: 'to stable storage',
  sealing: 'manifest, rename',
};

function moreWords(passes: number | null): string[] {
  if (passes === null) return [];
  if (passes === 0) return ['the last'];
  return [passes === 1 ? '1 more pass expected' : `${passes} more passes expected`];
}
