/** One save from its first change to its outcome. */
import { fail, failureOf, sentenceOf, type StillframeError } from '@shared/contracts/failure';
import type { EngineName, FlushPolicy, SaveOutcome, SaveResult, SaveTimings } from '@shared/contracts/saves';
import { queryRunState } from '../migration';
import { flushPolicy, type Engine } from './engine';
import { checkMemory, flushMemory } from './flush';
import { GuestClock } from './guest-clock';
import { finishScreen, recordMoment, type Moment } from './moment';
import { isRunning } from './plan';
import { channelsEngine } from './channels-engine';
import { ingestEngine } from './ingest-engine';
import { nativeEngine } from './native-engine';
import { SaveWorker } from './save-worker';
import { seal } from './seal';
import type { Target } from './target';
import type { UndoStep } from './undo';
import type { SaveContext } from './context';

/** The reason of a cancel, told from every failure. */
export const cancelled = (): StillframeError =>
  fail('save.cancelled', 'saving the VM', 'The save was cancelled', 'Save again when you like.');

/** Runs the phases; whatever happens, everything that is not meant to stay is put back before it resolves. Never rejects. */
export async function runSave(context: SaveContext): Promise<SaveOutcome> {
  const { job, vm, wasRunning } = context;
  const clock = new GuestClock(vm.qmp, wasRunning, (running) => {
    job.update({ guest: running ? 'running' : 'paused' });
  });
  const worker = new SaveWorker(context.rooms.workers, job.signal);
  try {
    return { kind: 'saved', result: await savePhases(context, clock, worker) };
  } catch (error) {
    const failure = failureOf(error, 'saving the VM');
    worker.stop();
    job.update({ step: 'putting everything back' });
    const problems = await context.undo.run();
    // With QEMU everything that was to be put back in it is gone: said once, in the sentence about the VM.
    const left = problems.filter(({ code }) => code !== 'qemu.gone').map(sentenceOf);
    const became = [await whatBecameOfVm(context), ...new Set(left)].join(' ');
    return failure.code === 'save.cancelled'
      ? { kind: 'cancelled', vm: became }
      : { kind: 'failed', failure, vm: became };
  } finally {
    worker.stop();
    clock.dispose();
  }
}

const ENGINES: Readonly<Record<EngineName, Engine>> = {
  native: nativeEngine,
  channels: channelsEngine,
  ingest: ingestEngine,
};

async function savePhases(context: SaveContext, clock: GuestClock, worker: SaveWorker): Promise<SaveResult> {
  const { job, options, undo, rooms, wasRunning } = context;
  worker.warmUp();
  const prepared = await ENGINES[context.engine].prepare(context, worker);
  const { target, directIo } = prepared;
  const policy = flushPolicy(options, directIo);
  const channels = context.engine === 'ingest' ? 1 : options.channels;
  job.update({ plan: { engine: context.engine, why: context.engineWhy, channels, directIo, flush: policy } });
  const written = await prepared.write(clock);
  const moment = written.moment ?? (await momentAfterwards(context));
  if (options.after === 'run') await afterwards(context, written.resume);
  const pausedMs = clock.stoppedMs(Date.now());
  for (const step of prepared.putBack) await afterwards(context, step);
  await prepared.finish();

  const { size, blocks } = await target.buffered.stat();
  job.update({ fileBytesOnDisk: blocks * 512, secondsLeft: null });
  const { lease } = target;
  const check = await checkMemory(context, worker, lease);
  const hasScreen = await finishScreen(context, moment);
  const flushNow = (): Promise<FlushPolicy> => flushMemory(context, worker, lease, size, policy);
  const flush = options.releaseEarly ? await releaseThenFlush(context, target, flushNow) : await flushNow();

  const timings = (): SaveTimings => {
    const { elapsedMs, phaseMs } = job.now().progress;
    return {
      totalMs: elapsedMs,
      pausedMs,
      writingMs: phaseMs.writing,
      flushingMs: phaseMs.flushing,
      sealingMs: phaseMs.sealing,
    };
  };
  const facts = { target, directIo, flush, written, moment, hasScreen, check, memoryFileBytes: size, timings };
  const folder = await seal(context, worker, facts);
  written.resume.drop();
  await undo.run();
  await rooms.library.refresh().catch(() => undefined);
  if (options.after === 'quit' && !options.releaseEarly) await quit(context);
  if (wasRunning && options.after === 'run' && !clock.running)
    job.notice('The VM does not run although it was resumed: look at its state.');
  return {
    snapshot: context.destination.parent === rooms.libraryFolder ? job.now().name : folder,
    memoryFile: `${folder}${target.memoryFile.slice(context.folder.length)}`,
    engine: context.engine,
    channels,
    directIo,
    flush,
    bytesWritten: written.bytes,
    pagesWritten: written.pages,
    timings: timings(),
    durable: flush !== 'none',
  };
}

/**
 * Lets QEMU go, and its memory with it, before the file is on stable storage. From here on this file is all there is of the VM:
 * the file is not thrown away whatever happens, and a flush that fails or is cancelled makes it a snapshot that is not durable. Answers the policy that came true.
 */
async function releaseThenFlush(
  context: SaveContext,
  { removal }: Target,
  flush: () => Promise<FlushPolicy>,
): Promise<FlushPolicy> {
  const { job } = context;
  job.keepWhateverHappens();
  removal.drop();
  await quit(context);
  job.update({ guest: 'ended' });
  try {
    return await flush();
  } catch (error) {
    job.notice(
      `${failureOf(error, 'flushing the snapshot').what}. The snapshot is whole, but not durable: copy it now.`,
    );
    return 'none';
  }
}

/**
 * A step on the VM after its memory has been written. The file is whole by then, so a QEMU that ends or refuses is worth a
 * notice and no reason to throw the snapshot away.
 */
async function afterwards({ job }: SaveContext, step: UndoStep): Promise<void> {
  try {
    await step.now();
  } catch (error) {
    const { code, what } = failureOf(error, 'putting the VM back');
    job.notice(
      code === 'qemu.gone' ? 'QEMU ended after it had written the memory; the snapshot is whole.' : `${what}.`,
    );
  }
}

async function momentAfterwards(context: SaveContext): Promise<Moment> {
  await context.job.enter('writing', 'recording disks and memory map');
  return recordMoment(context);
}

/** The snapshot is sealed, so a QEMU that does not end is no failed save. */
async function quit({ job, rooms, vm }: SaveContext): Promise<void> {
  try {
    rooms.machines.setSaving(vm.machine.id, null);
    await rooms.machines.quit(vm.machine.id);
  } catch (error) {
    job.notice(`The VM could not be ended: ${failureOf(error, 'ending the VM').what}.`);
  }
}

/** One sentence about the VM after a save that did not work out. */
async function whatBecameOfVm({ vm, wasRunning }: SaveContext): Promise<string> {
  let state;
  try {
    state = await queryRunState(vm.qmp);
  } catch (error) {
    return failureOf(error, 'asking the VM').code === 'qemu.gone'
      ? 'QEMU has ended, and the VM with it.'
      : 'QEMU does not answer; what became of the VM is unknown.';
  }
  if (isRunning(state)) return wasRunning ? 'The VM runs on.' : 'The VM runs, though it was paused before.';
  if (state.status === 'postmigrate')
    return wasRunning
      ? 'The VM stands still and could not be resumed: resume it.'
      : 'The VM stands still, as before the save. QEMU refuses another save until it is resumed.';
  if (wasRunning) return `The VM does not run: QEMU calls its state ${state.status}. Resume it or look at its screen.`;
  return 'The VM is paused, as before the save.';
}
