/**
 * Packages of the machine's own distribution, unpacked beside the system and never installed. Needs no root. Imports
 * nothing from src-*.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { lastMade, madeOnce } from './made-once';

const LIMIT_MS = 120_000;

/** apt with one set of package lists. */
export interface Apt {
  /** What can be had of these packages; one that apt does not know is not in it. */
  known(names: readonly string[]): Promise<ReadonlyMap<string, Known>>;
  /** The packages that one version of a package depends on, alternatives left out. */
  depends(name: string, version: string): Promise<readonly Dependency[]>;
  /** Downloads packages (`name`, `name=version`, wildcards too) and unpacks them all into one folder. */
  unpack(packages: readonly string[], folder: string): Promise<void>;
}

export interface Known {
  /** The version that apt would install. */
  readonly candidate: string;
  /** Every version, the newest first. */
  readonly all: readonly string[];
}

export interface Dependency {
  readonly name: string;
  /** Where it has to be one exact version. */
  readonly version: string | null;
}

export interface Unpacked {
  /** The version in the folder's name. */
  readonly version: string;
  readonly make: (folder: string) => Promise<void>;
}

/**
 * A folder made of packages, kept under `name` and their version. Where the system's package lists are missing or name
 * files that are no longer there, lists of its own are fetched; without a network the last one made serves.
 */
export async function fromPackages(name: string, plan: (apt: Apt) => Promise<Unpacked>): Promise<string> {
  const attempt = async (apt: Apt): Promise<string> => {
    const { version, make } = await plan(apt);
    return madeOnce(name, version, make);
  };
  try {
    return await attempt(aptWith([]));
  } catch (first) {
    const kept = await lastMade(name);
    if (kept !== null) return kept;
    try {
      return await withListsOfItsOwn(attempt);
    } catch (second) {
      throw new Error(
        `The tests need ${name} from Debian's packages, and apt cannot give it. ${reason(second)}\n` +
          `With the lists that this machine has: ${reason(first)}`,
        { cause: second },
      );
    }
  }
}

/** The same for packages of another architecture. The system's lists do not have them, so the last folder made serves first. */
export async function fromForeignPackages(
  name: string,
  architecture: string,
  plan: (apt: Apt) => Promise<Unpacked>,
): Promise<string> {
  const kept = await lastMade(name);
  if (kept !== null) return kept;
  const foreign = ['-o', `APT::Architecture=${architecture}`, '-o', `APT::Architectures=${architecture}`];
  return withListsOfItsOwn(
    async (apt) => {
      const { version, make } = await plan(apt);
      return madeOnce(name, version, make);
    },
    ['-o', 'Dir::State::status=/dev/null', ...foreign],
  );
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function withListsOfItsOwn<T>(
  use: (apt: Apt) => Promise<T>,
  more: readonly string[] = ['-o', 'Dir::State::status=/var/lib/dpkg/status'],
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'apt-'));
  try {
    await Promise.all(
      ['state/lists/partial', 'cache/archives/partial'].map((part) => mkdir(join(folder, part), { recursive: true })),
    );
    const options = [...['-o', `Dir::State=${folder}/state`, '-o', `Dir::Cache=${folder}/cache`], ...more];
    await run('apt-get', [...options, '-q', 'update']);
    return await use(aptWith(options));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function aptWith(options: readonly string[]): Apt {
  return {
    known: async (names) => {
      const found = new Map<string, Known>();
      // A block for each name that it knows: `name:`, then indented lines, the version table last.
      const answer = await run('apt-cache', [...options, 'policy', ...names]);
      for (const [, name = '', block = ''] of answer.matchAll(/^(\S+):\n((?:[ ].*\n)*)/gm)) {
        const candidate = /^ {2}Candidate: (\S+)$/m.exec(block)?.[1] ?? '(none)';
        const all = [...block.matchAll(/^ (?:\*\*\*| {3}) (\S+) -?\d+$/gm)].map(([, version]) => version ?? '');
        if (candidate !== '(none)') found.set(name, { candidate, all });
      }
      return found;
    },
    depends: async (name, version) => {
      const record = await run('apt-cache', [...options, 'show', `${name}=${version}`]);
      const list = /^Depends: (.*)$/m.exec(record)?.[1] ?? '';
      return list.split(', ').flatMap((item) => {
        const [, found, exact] = /^([^\s:]+)\S*(?: \(= ([^)]+)\))?/.exec(item) ?? [];
        return found === undefined ? [] : [{ name: found, version: exact ?? null }];
      });
    },
    unpack: async (packages, folder) => {
      const downloads = await mkdtemp(join(tmpdir(), 'debs-'));
      try {
        await run('apt-get', [...options, '-q', 'download', ...packages], downloads);
        const files = (await readdir(downloads)).filter((file) => file.endsWith('.deb'));
        for (const file of files) await run('dpkg-deb', ['-x', join(downloads, file), folder]);
      } finally {
        await rm(downloads, { recursive: true, force: true });
      }
    },
  };
}

/** What a program printed; rejects with its last words. */
async function run(program: string, args: readonly string[], cwd = '/'): Promise<string> {
  try {
    const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
    const { stdout } = await promisify(execFile)(program, args, { cwd, env, timeout: LIMIT_MS, maxBuffer: 2 ** 26 });
    return stdout;
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    const words = stderr.trim().split('\n').slice(-3).join(' ');
    throw new Error(`${program} ${args.at(-1) ?? ''}: ${words === '' ? reason(error) : words}`, { cause: error });
  }
}
