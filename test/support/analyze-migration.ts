/**
 * QEMU's own scripts/analyze-migration.py, out of the source package of the QEMU that is installed: fetched by apt on first
 * use (39 MB, of which 24 KB are kept in the user's cache folder). Imports nothing from src-*.
 */
import { execFile } from 'node:child_process';
import { access, cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { madeOnce } from './made-once';

const SCRIPT = 'scripts/analyze-migration.py';
const LIMIT_MS = 240_000;

/** Path of the script that belongs to the installed QEMU. */
export async function analyzeMigration(): Promise<string> {
  const version = /^QEMU emulator version [\d.]+ \(Debian ([^)]+)\)/.exec(
    await run('qemu-system-x86_64', ['--version']),
  );
  if (version?.[1] === undefined) throw new Error('The installed QEMU is not from a Debian package.');
  return join(
    await madeOnce('analyze-migration', version[1], (folder) => fetchScript(version[1] ?? '', folder)),
    'script.py',
  );
}

/** What the script prints of a file, parsed; rejects where it fails. */
export async function analyze(script: string, file: string): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse(await run('python3', [script, '-f', file])) as Readonly<Record<string, unknown>>;
}

async function fetchScript(version: string, into: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'source-'));
  try {
    const options = await prepareApt(folder);
    await run('apt-get', [...options, '-q', 'update'], folder);
    // The upstream archive alone: Debian's own part need not be there any more, and nothing of it is wanted.
    await run('apt-get', [...options, '-q', 'source', '--download-only', '--tar-only', `qemu=${version}`], folder);
    const archive = (await readdir(folder)).find((name) => /^qemu_.*\.orig\.tar\.\w+$/.test(name));
    if (archive === undefined) throw new Error(`apt gave no sources of qemu ${version}`);
    await run('tar', ['-xf', archive, '--strip-components=1', '--wildcards', `*/${SCRIPT}`], folder);
    await cp(join(folder, SCRIPT), join(into, 'script.py'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Package lists of its own, with sources: the system's rarely have them. */
async function prepareApt(folder: string): Promise<readonly string[]> {
  for (const part of ['lists/partial', 'cache/archives/partial']) {
    await mkdir(join(folder, part), { recursive: true });
  }
  await writeFile(join(folder, 'qemu.sources'), await sourcesOfQemu());
  return [
    ...['-o', `Dir::Etc::SourceList=${folder}/qemu.sources`, '-o', 'Dir::Etc::SourceParts=/dev/null'],
    ...['-o', `Dir::State::Lists=${folder}/lists`, '-o', `Dir::Cache=${folder}/cache`],
  ];
}

const KEYS = ['/usr/share/keyrings/debian-archive-keyring.gpg', '/usr/share/keyrings/debian-archive-keyring.pgp'];

/** A sources file with the place that the installed QEMU came from, or with every place that packages come from. */
async function sourcesOfQemu(): Promise<string> {
  const places = await run('apt-get', [
    'indextargets',
    '--format',
    '$(SITE) $(RELEASE) $(COMPONENT)',
    'Created-By: Packages',
  ]);
  const all = [...new Set(places.trim().split('\n'))].flatMap((line) => {
    const [site = '', release = '', component = ''] = line.split(' ');
    return component === 'main' ? [{ site, release }] : [];
  });
  const policy = await run('apt-cache', ['policy', 'qemu-system-x86']);
  const installed = /^ \*\*\* .*\n((?: {6,}.*\n)*)/m.exec(policy)?.[1] ?? '';
  const from = all.filter(({ site, release }) => installed.includes(`${site} ${release}/main `));
  const known = await Promise.all(
    KEYS.map((key) =>
      access(key).then(
        () => [key],
        () => [],
      ),
    ),
  );
  const signed = known.flat().map((key) => `Signed-By: ${key}\n`);
  return (from.length > 0 ? from : all)
    .map(
      ({ site, release }) => `Types: deb-src\nURIs: ${site}\nSuites: ${release}\nComponents: main\n${signed[0] ?? ''}`,
    )
    .join('\n');
}

async function run(program: string, args: readonly string[], cwd = '/'): Promise<string> {
  try {
    const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
    const { stdout } = await promisify(execFile)(program, args, { cwd, env, timeout: LIMIT_MS, maxBuffer: 2 ** 28 });
    return stdout;
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    throw new Error(`${program} ${args.join(' ')}: ${stderr.slice(-2000)}`, { cause: error });
  }
}
