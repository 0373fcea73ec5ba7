import { createMachineService, type MachineServiceOptions } from '../../src-main/machines/index';
import type { MachineService, Places } from '../../src-main/services';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach } from 'vitest';
import { endProcess } from './processes';

const resources = resolve(import.meta.dirname, '../../resources');

/**
 * Machine services with places of their own below the test's folder. After the test every service lets go and every VM
 * that still has a record is ended. Call it before `tempDirPerTest`, whose folder is removed after that.
 */
export function machinesPerTest(folder: () => string): {
  readonly places: () => Places;
  readonly open: (options?: MachineServiceOptions) => Promise<MachineService>;
} {
  const services: MachineService[] = [];
  const places = (): Places => ({
    data: join(folder(), 'data'),
    library: join(folder(), 'library'),
    run: join(folder(), 'run'),
    resources,
  });
  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.dispose()));
    await Promise.all((await recordedPids(places().run)).map((pid) => endProcess(pid, 0)));
  });
  return {
    places,
    open: async (options) => {
      await mkdir(places().data, { recursive: true });
      const service = await createMachineService(places(), options);
      services.push(service);
      return service;
    },
  };
}

/** Pids in the run folders' records, only of processes that have this very run folder in their command line. */
async function recordedPids(run: string): Promise<number[]> {
  const names = await readdir(run).catch(() => []);
  const pids = await Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(run, name, 'vm.json'), 'utf8').catch(() => '{}');
      const pid = (JSON.parse(text) as { vm?: { pid: number } | null }).vm?.pid ?? 0;
      const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return commandLine.includes(`unix:${run}/${name}/`) ? [pid] : [];
    }),
  );
  return pids.flat();
}
