/**
 * A Stillframe that saves and is killed meanwhile: starts the demo VM, begins a save, and stands still at the beginning of
 * the step that it is told, having said so on stdout. argv: folder, worker, phase, step.
 */
import { openTestServices, saveOptions, startMachine } from '../../support/services';

const [folder = '', workerFile = '', phase = '', step = ''] = process.argv.slice(2);

const services = await openTestServices({
  folder,
  worker: { file: workerFile, remove: () => Promise.resolve() },
  saveHooks: {
    onPhase: (entered, begun) => {
      if (entered !== phase || begun !== step) return undefined;
      process.stdout.write('here\n');
      return new Promise<void>(() => setInterval(() => undefined, 60_000));
    },
  },
});
const machine = await startMachine(services, { kind: 'demo', memoryMiB: 64, dirtyMiB: 16 });
await services.saves.begin(saveOptions(machine.id, { mode: 'live', name: 'the save' }));
