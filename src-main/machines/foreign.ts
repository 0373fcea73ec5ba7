/** QEMUs of this user that Stillframe did not start, found in /proc without touching them. Everything read is untrusted. */
import type { ForeignQemu } from '@shared/contracts/machines';
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { qmpMonitors, type MonitorPlace } from '../qemu/monitors';
import { outlineOf } from '../qemu/options';
import { allPids, commandLineOf, linkOf } from '../qemu/proc';
import { printable } from '../qemu/qmp-wire';
import { describeHolder, holderOf } from '../qemu/socket-holder';
import { isQemuName, trustedQemu } from '../qemu/trusted-program';

const VERSION_LIMIT_MS = 2_000;
const MAX_SHOWN_NAME = 100;
/** The first release with mapped-ram. */
const MAPPED_RAM_SINCE = 9;

/** Looks at every process of this user. `isOurs` tells which are Stillframe's own or attached already. */
export async function findForeign(
  isOurs: (pid: number, argv: readonly string[]) => boolean,
): Promise<readonly ForeignQemu[]> {
  const found = await Promise.all((await allPids()).map((pid) => lookAt(pid, isOurs)));
  return found.filter((qemu) => qemu !== null).sort((a, b) => a.pid - b.pid);
}

async function lookAt(
  pid: number,
  isOurs: (pid: number, argv: readonly string[]) => boolean,
): Promise<ForeignQemu | null> {
  if (!(await isOwn(pid))) return null;
  const words = await commandLineOf(pid);
  const [program = '', ...argv] = words ?? [];
  const exe = (await linkOf(pid, 'exe'))?.replace(/ \(deleted\)$/, '') ?? null;
  const isQemu = isQemuName(exe ?? '') || isQemuName(program);
  if (words === null || !isQemu || isOurs(pid, argv)) return null;
  const outline = outlineOf(argv);
  const qemuVersion = exe === null ? null : await versionOf(exe);
  const common = {
    pid,
    name: shown(outline.name ?? `pid ${String(pid)}`),
    program: shown(basename(exe ?? program)),
    memoryBytes: outline.memoryBytes,
    accelerator: outline.accelerator === null ? null : shown(outline.accelerator),
    qemuVersion,
  };
  const said = qemuVersion === null ? '' : `QEMU ${qemuVersion}. `;
  if (isLibvirts(argv)) {
    const how = `libvirt holds its monitor. Save it with: virsh save ${shellWord(outline.name ?? 'NAME')} FILE`;
    return { ...common, keeper: 'libvirt', qmp: null, attachable: false, verdict: `${said}${how}` };
  }
  return { ...common, keeper: 'nobody', ...(await reach(pid, argv, said, qemuVersion)) };
}

type Reach = Pick<ForeignQemu, 'qmp' | 'attachable' | 'verdict'>;

/** The first free monitor, or why there is none. */
async function reach(pid: number, argv: readonly string[], said: string, version: string | null): Promise<Reach> {
  const places = qmpMonitors(argv).map(({ place }) => place);
  const sockets = (await Promise.all(places.map((place) => absolutePath(pid, place)))).filter((path) => path !== null);
  const no = (why: string): Reach => ({ qmp: null, attachable: false, verdict: `${said}${why}` });
  let held = '';
  for (const path of sockets) {
    const there = await stat(path).catch(() => null);
    if (there?.isSocket() !== true) continue;
    const holder = await holderOf(path);
    if (holder.kind === 'held') {
      const who = describeHolder(holder);
      held ||= `Its QMP socket is held by another client${who === '' ? '' : ` (${who})`}.`;
      continue;
    }
    return { qmp: path, attachable: true, verdict: `${said}QMP socket free. ${savingWith(version)}`.trim() };
  }
  if (held !== '') return no(held);
  if (sockets.length > 0) return no('Its QMP socket is no longer where it was made.');
  const other = places.find((place) => place.kind === 'other');
  if (other !== undefined)
    return no(`Its QMP monitor is on ${shown(other.what)}; only a unix socket can be attached to.`);
  if (places.length > 0) return no('Whoever started it keeps its QMP monitor.');
  return no('It has no QMP socket. Start it with -qmp unix:PATH,server=on,wait=off to attach.');
}

function savingWith(version: string | null): string {
  if (version === null) return '';
  const can = Number.parseInt(version, 10) >= MAPPED_RAM_SINCE;
  return can ? 'Live save to mapped-ram is possible.' : 'Live save is possible, by way of a stream.';
}

/** libvirt's marks (qemu_command.c): the name form, and the monitor it makes itself. */
function isLibvirts(argv: readonly string[]): boolean {
  const monitors = qmpMonitors(argv);
  const named = argv.some((word, index) => argv[index - 1] === '-name' && word.startsWith('guest='));
  const charmonitor = argv.some((word) => word.startsWith('socket,id=charmonitor,'));
  const itsPath = monitors.some(({ place }) => place.kind === 'unix' && /\/libvirt\/qemu\/.*monitor/.test(place.path));
  return itsPath || (named && charmonitor);
}

/** The path as seen from here; null for a monitor that is no unix socket. */
async function absolutePath(pid: number, place: MonitorPlace): Promise<string | null> {
  if (place.kind !== 'unix') return null;
  if (place.path.startsWith('/')) return place.path;
  const cwd = await linkOf(pid, 'cwd');
  return cwd === null ? null : join(cwd, place.path);
}

async function isOwn(pid: number): Promise<boolean> {
  const owner = await stat(`/proc/${String(pid)}`).catch(() => null);
  return owner !== null && owner.uid === process.getuid?.();
}

const versions = new Map<string, Promise<string | null>>();

/** The version that a QEMU program prints, asked once per file. Nothing is run that another user could have written. */
async function versionOf(exe: string): Promise<string | null> {
  const file = await trustedQemu(exe);
  if (file === null) return null;
  const key = `${exe}:${String(file.ino)}:${String(file.mtimeMs)}`;
  const asked =
    versions.get(key) ??
    new Promise<string | null>((resolve) => {
      execFile(exe, ['--version'], { timeout: VERSION_LIMIT_MS, maxBuffer: 64 * 1024 }, (error, stdout) => {
        resolve(error === null ? (/version (\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? null) : null);
      });
    });
  versions.set(key, asked);
  return asked;
}

const shown = (text: string): string => printable(text).slice(0, MAX_SHOWN_NAME);

/** A name as a shell takes it. */
function shellWord(name: string): string {
  const safe = shown(name);
  return /^[\w.@%+-]+$/.test(safe) ? safe : `'${safe.replaceAll("'", `'\\''`)}'`;
}
