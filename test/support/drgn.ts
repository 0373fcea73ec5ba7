/** drgn, a debugger for kernels and their dumps, out of the distribution's packages. Imports nothing from src-*. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fromPackages } from './apt';

const PACKAGE = 'python3-drgn';
/** What it loads that a system without debugging tools has not. */
const LIBRARIES = ['libdw1', 'libelf1', 'libgomp1', 'libkdumpfile10', 'liblzo2-2', 'libsnappy1v5'];
const LIMIT_MS = 60_000;

/** Runs a Python program in which `prog` is a core file opened by drgn; answers what it prints. */
export async function runDrgn(core: string, program: string): Promise<string> {
  const folder = await fromPackages('drgn', async (apt) => {
    const known = await apt.known([PACKAGE, ...LIBRARIES]);
    const version = known.get(PACKAGE)?.candidate;
    if (version === undefined) throw new Error(`It knows no ${PACKAGE}: that is in Debian, main.`);
    const packages = [...known].map(([name, { candidate }]) => `${name}=${candidate}`);
    return { version, make: (target) => apt.unpack(packages, target) };
  });
  const script = `import drgn, sys\nprog = drgn.Program()\nprog.set_core_dump(sys.argv[1])\n${program}`;
  const { stdout } = await promisify(execFile)('/usr/bin/python3', ['-c', script, core], {
    timeout: LIMIT_MS,
    env: {
      PATH: process.env['PATH'],
      PYTHONPATH: join(folder, 'usr/lib/python3/dist-packages'),
      LD_LIBRARY_PATH: ['usr/lib', 'lib'].map((part) => join(folder, part, 'x86_64-linux-gnu')).join(':'),
    },
  });
  return stdout;
}
