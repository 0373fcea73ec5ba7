import { fail, sentenceOf, StillframeError, type Failure } from '@shared/contracts/failure';
import type { Machine, MachineId } from '@shared/contracts/machines';
import type { SaveJob, SaveOptions, SaveResult } from '@shared/contracts/saves';
import path from 'node:path';
import { Option } from 'commander';
import { wholeNumberFrom } from '../arguments';
import { addCommand, type Answer, type CommonOptions, type Desk, type Workplace } from '../command';
import { findMachine } from '../find-machine';
import { duration, fileSize, printable } from '../format';
import { withInterrupt, type Interrupt } from '../interrupt';
import { createProgressPrinter } from '../progress';

interface SaveArguments extends CommonOptions {
  readonly qmp?: string;
  readonly out?: string;
  readonly live?: true;
  readonly paused?: true;
  readonly channels: number;
  readonly directIo: boolean;
  readonly after: SaveOptions['after'];
  readonly engine: SaveOptions['engine'];
  readonly flush: SaveOptions['flush'] | 'full';
  readonly releaseEarly?: true;
  readonly name?: string;
  readonly note: string;
  readonly limit: number;
  readonly rate?: number;
}

const doing = 'saving the VM';

export function addSave(desk: Desk): void {
  addCommand(desk, 'save', 'save a running VM to a snapshot')
    .usage('MACHINE|--qmp SOCKET [options]')
    .argument('[machine]', 'name or id of a machine')
    .option('--qmp <socket>', 'instead of MACHINE: the QMP socket of any running QEMU')
    .option('--out <folder>', 'write the snapshot here instead of to the library; into the folder when it exists')
    .addOption(new Option('--live', 'the guest runs while its memory is written (default)').conflicts('paused'))
    .option('--paused', 'pause the guest first: shorter in all, but it stands still meanwhile')
    .option('--channels <number>', 'multifd channels, 1 to 16', wholeNumberFrom(1, 16), 2)
    .option('--direct-io', 'write past the page cache', true)
    .option('--no-direct-io', 'write through the page cache')
    .addOption(
      new Option('--after <what>', 'the VM after the save; with run, one that was paused stays paused')
        .choices(['run', 'pause', 'quit'])
        .default('run'),
    )
    .addOption(
      new Option(
        '--engine <name>',
        'who writes the file: QEMU itself (native), our workers from the shared memory of a paused VM (channels), ' +
          'or a worker from a stream of QEMU (ingest); auto takes the fastest that can',
      )
        .choices(['auto', 'native', 'channels', 'ingest'])
        .default('auto'),
    )
    .addOption(
      new Option(
        '--flush <how>',
        'to stable storage: once at the end (end), range by range while it is written (ranged), past the page cache ' +
          '(direct), or not at all (none: the snapshot is then not durable); auto and full: direct or ranged',
      )
        .choices(['auto', 'full', 'none', 'end', 'ranged', 'direct'])
        .default('auto'),
    )
    .option(
      '--release-early',
      'with --after quit: end QEMU, and give its memory back, before the flush; should the machine lose power until ' +
        'the flush is over, VM and snapshot are both lost',
    )
    .option('--name <name>', 'name of the snapshot (default: machine and time)')
    .option('--note <text>', 'a note to keep with it', '')
    .option('--limit <seconds>', 'a live save that takes longer is finished paused', wholeNumberFrom(1, 86_400), 120)
    .option('--rate <MB/s>', 'write no faster than this, so that other work has the disk too', wholeNumberFrom(1))
    .action((machine: string | undefined, options: SaveArguments) =>
      desk.answer(options, (workplace) => withInterrupt((interrupt) => save(workplace, machine, options, interrupt))),
    );
}

async function save(
  workplace: Workplace,
  reference: string | undefined,
  options: SaveArguments,
  interrupt: Interrupt,
): Promise<Answer> {
  const { machines } = workplace.services;
  if (options.releaseEarly === true && options.after !== 'quit')
    throw fail('usage', doing, '--release-early needs --after quit', 'Add it, or leave --release-early out.');
  const { machine, letGo } = await choose(workplace, reference, options.qmp);
  try {
    const ended = await runJob(workplace, saveOptions(workplace, machine, options), interrupt);
    return answerOf(ended);
  } finally {
    if (letGo) await machines.forget(machine.id);
  }
}

/** `letGo`: the machine is attached for this save only, and not to stay in the list. */
async function choose(
  { services: { machines }, surroundings }: Workplace,
  reference: string | undefined,
  qmp: string | undefined,
): Promise<{ readonly machine: Machine; readonly letGo: boolean }> {
  if ((reference === undefined) === (qmp === undefined)) {
    throw fail('usage', doing, 'Either MACHINE or --qmp SOCKET is needed', 'stillframe save --help shows both.');
  }
  if (reference !== undefined) return { machine: await findMachine(machines, reference), letGo: false };
  const before = new Set<MachineId>((await machines.list()).map(({ id }) => id));
  const machine = await machines.attach(path.resolve(surroundings.cwd, qmp ?? ''));
  return { machine, letGo: !before.has(machine.id) };
}

function saveOptions({ surroundings }: Workplace, machine: Machine, options: SaveArguments): SaveOptions {
  return {
    machine: machine.id,
    name: options.name ?? null,
    note: options.note,
    mode: options.paused === true ? 'paused' : 'live',
    channels: options.channels,
    directIo: options.directIo,
    after: options.after,
    engine: options.engine,
    flush: options.flush === 'full' ? 'auto' : options.flush,
    releaseEarly: options.releaseEarly === true,
    liveLimitSeconds: options.limit,
    rateLimit: options.rate === undefined ? null : options.rate * 1e6,
    out: options.out === undefined ? null : path.resolve(surroundings.cwd, options.out),
  };
}

async function runJob(
  { services: { saves }, terminal }: Workplace,
  options: SaveOptions,
  interrupt: Interrupt,
): Promise<SaveJob> {
  const printer = createProgressPrinter(terminal);
  const job = await saves.begin(options);
  const stop = saves.onProgress((now) => {
    if (now.id === job.id) printer.show(now);
  });
  try {
    printer.show(job);
    interrupt.onAsked(() => {
      printer.end();
      terminal.err('Cancelling.\n');
      // A cancel that fails shows in the job's outcome.
      saves.cancel(job.id).catch(() => undefined);
    });
    return await saves.finished(job.id);
  } finally {
    stop();
    printer.end();
  }
}

function answerOf({ name, outcome }: SaveJob): Answer {
  switch (outcome?.kind) {
    case 'saved':
      return { json: outcome.result, text: textOf(name, outcome.result), good: true };
    case 'failed':
      throw new StillframeError(withSentence(outcome.failure, outcome.vm));
    case 'cancelled':
      throw fail('save.cancelled', doing, 'The save was cancelled', outcome.vm);
    case undefined:
      throw fail('internal', doing, 'The save ended without an outcome', 'Report this with the details.');
  }
}

/** What became of the VM belongs to what a person must know now. */
function withSentence(failure: Failure, vm: string): Failure {
  return sentenceOf(failure).includes(vm) ? failure : { ...failure, todo: `${failure.todo} ${vm}`.trim() };
}

function textOf(name: string, { memoryFile, bytesWritten, timings, durable }: SaveResult): string {
  const how = `${fileSize(bytesWritten)} in ${duration(timings.totalMs)}, guest paused ${duration(timings.pausedMs)}`;
  return `Saved ${printable(name)}: ${how}${durable ? '' : ', not durable'}.\n${memoryFile}`;
}
