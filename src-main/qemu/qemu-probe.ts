/** What a QEMU binary can do, asked of the binary itself: a short run without a machine. */
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, normalize } from 'node:path';
import { createInterface } from 'node:readline';
import { fail, type StillframeError } from '@shared/contracts/failure';
import type { Recipe } from '@shared/contracts/machines';
import * as v from 'valibot';
import { complaintIn } from './launch';
import { findProgram } from './recipe';

/** A run takes 50–200 ms. */
const LIMIT_MS = 20_000;
const MAX_STDERR = 16 * 1024;
const DOING = 'asking QEMU what it can do';

/** What does not depend on the host's CPU, and is told in a fifth of the time: 25 ms. */
export interface QemuOutline {
  readonly program: string;
  /** `10.0.2` */
  readonly version: string;
  /** Every machine type and alias. */
  readonly machineTypes: ReadonlyMap<string, MachineType>;
  /** What it takes when the command line names no machine type; null where one has to be named. */
  readonly defaultMachine: string | null;
  /** Migration capabilities, as it names them. */
  readonly capabilities: ReadonlySet<string>;
}

export interface QemuAbilities extends QemuOutline {
  /** CPU models, and what of each this host lacks. */
  readonly cpuModels: ReadonlyMap<string, readonly string[]>;
}

export interface MachineType {
  /** The name of the RAMBlock that QEMU makes for the VM's memory; null where it does not tell (before QEMU 5.2, `none`). */
  readonly ramId: string | null;
}

const greetingSchema = v.object({
  QMP: v.object({
    version: v.object({ qemu: v.object({ major: v.number(), minor: v.number(), micro: v.number() }) }),
  }),
});
const machinesSchema = v.array(
  v.object({
    name: v.string(),
    alias: v.optional(v.string()),
    'is-default': v.optional(v.boolean(), false),
    'default-ram-id': v.optional(v.string()),
  }),
);
const capabilitiesSchema = v.array(v.object({ capability: v.string() }));
const cpusSchema = v.array(v.object({ name: v.string(), 'unavailable-features': v.optional(v.array(v.string()), []) }));

export class QemuProbe {
  /** One answer per binary as it is now: path, size, time of its last change, accelerator. */
  readonly #known = new Map<string, Promise<QemuAbilities>>();
  readonly #outlines = new Map<string, Promise<QemuOutline>>();

  /**
   * Asks the recipe's program, with the accelerator the VM needs (`tcg` or `kvm`; otherwise QEMU's own choice). Rejects with
   * `qemu.not-found` when there is none and with `qemu.did-not-start` (QEMU's words in `what`) when it does not run, e.g.
   * because /dev/kvm is missing.
   */
  async ask(recipe: Recipe, accelerator: string): Promise<QemuAbilities> {
    const program = await findProgram(recipe);
    const kvm = accelerator === 'kvm' && (await canUseKvm());
    const key = [await versionKey(program), accelerator, kvm].join('\0');
    return once(this.#known, key, () => probe(program, accelerator, recipe.env, readAbilities));
  }

  /** Asks what `ask` asks, but for the CPU models; rejects alike. */
  async outline(recipe: Recipe): Promise<QemuOutline> {
    const program = await findProgram(recipe);
    return once(this.#outlines, await versionKey(program), () => probe(program, '', recipe.env, readOutline));
  }
}

async function versionKey(program: string): Promise<string> {
  const { size, mtimeMs } = await stat(program);
  return [program, size, mtimeMs].join('\0');
}

/** An answer that is there already or is being fetched; a failure is forgotten. */
function once<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const answer = known.get(key) ?? make();
  known.set(key, answer);
  answer.catch(() => known.delete(key));
  return answer;
}

/** Whether a program is named without a folder, or lies in one of the folders of this process's PATH. */
export function isOnPath(program: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute);
  return !program.includes('/') || (isAbsolute(program) && folders.includes(dirname(normalize(program))));
}

/** Whether /dev/kvm can be opened by this user. */
export const canUseKvm = (): Promise<boolean> =>
  access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );

/** Asks one command and checks the answer. */
type Execute = <T extends v.GenericSchema>(command: string, schema: T) => Promise<v.InferOutput<T>>;

async function readOutline(program: string, version: string, execute: Execute): Promise<QemuOutline> {
  const machines = await execute('query-machines', machinesSchema);
  const capabilities = await execute('query-migrate-capabilities', capabilitiesSchema);
  return {
    program,
    version,
    machineTypes: new Map(
      machines.flatMap(({ name, alias, 'default-ram-id': ramId = null }) =>
        [name, ...(alias === undefined ? [] : [alias])].map((known) => [known, { ramId }] as const),
      ),
    ),
    defaultMachine: machines.find((machine) => machine['is-default'])?.name ?? null,
    capabilities: new Set(capabilities.map(({ capability }) => capability)),
  };
}

async function readAbilities(program: string, version: string, execute: Execute): Promise<QemuAbilities> {
  const outline = await readOutline(program, version, execute);
  const cpus = await execute('query-cpu-definitions', cpusSchema);
  return { ...outline, cpuModels: new Map(cpus.map((cpu) => [cpu.name, cpu['unavailable-features']])) };
}

async function probe<T>(
  program: string,
  accelerator: string,
  env: Recipe['env'],
  read: (program: string, version: string, execute: Execute) => Promise<T>,
): Promise<T> {
  const accel = accelerator === 'kvm' || accelerator === 'tcg' ? ['-accel', accelerator] : [];
  const child = spawn(
    program,
    ['-nodefaults', '-no-user-config', '-machine', 'none', ...accel, '-display', 'none', '-S', '-qmp', 'stdio'],
    { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } },
  );
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-MAX_STDERR);
  });
  child.stdin.on('error', () => undefined);
  const ended = new Promise<never>((_, reject) => {
    child.once('error', () => {
      reject(didNotStart(program, stderr));
    });
    child.once('close', () => {
      reject(didNotStart(program, stderr));
    });
  });
  ended.catch(() => undefined);
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  /** The next line that is no event. */
  const next = async (): Promise<unknown> => {
    for (;;) {
      const line = await Promise.race([answers.next(), ended]);
      if (line.done === true) return ended;
      const message: unknown = JSON.parse(line.value);
      if (!v.is(v.object({ event: v.string() }), message)) return message;
    }
  };
  const execute: Execute = async (command, schema) => {
    child.stdin.write(`${JSON.stringify({ execute: command })}\n`);
    return v.parse(v.object({ return: schema }), await next()).return;
  };
  try {
    const { major, minor, micro } = v.parse(greetingSchema, await next()).QMP.version.qemu;
    await execute('qmp_capabilities', v.unknown());
    return await read(program, [major, minor, micro].join('.'), execute);
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'StillframeError') throw cause;
    throw fail('qemu.did-not-start', DOING, 'It does not answer as QEMU does', 'Check the program in the recipe.', {
      where: { path: program },
      cause,
    });
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
  }
}

function didNotStart(program: string, stderr: string): StillframeError {
  const said = complaintIn(stderr);
  return fail('qemu.did-not-start', DOING, said ?? 'It does not run', 'Correct what QEMU complains about.', {
    where: { path: program },
    detail: stderr,
  });
}

/** Negative when version `a` is older than `b`; missing parts count as 0. */
export function compareVersions(a: string, b: string): number {
  const parts = (version: string): number[] => version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const [left, right] = [parts(a), parts(b)];
  for (let index = 0; index < 3; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
