/** Reading /proc (proc(5)). Processes vanish at any moment: then the answer is null, never an error. */
import { open, readdir, readlink } from 'node:fs/promises';

/** Most bytes taken of any text under /proc; longer text is cut. */
const MAX_PROC_BYTES = 256 * 1024;

/** A process that can be told from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in clock ticks since boot (field 22 of /proc/PID/stat). */
  readonly startTicks: number;
}

/** A file under /proc as bytes, at most 256 KiB of it; null when it cannot be read. */
export async function readProc(pid: number | 'self', file: string): Promise<Buffer | null> {
  return readProcFile(`/proc/${String(pid)}/${file}`, MAX_PROC_BYTES);
}

/** Any file of procfs, at most `limit` bytes of it; null when it cannot be read. */
export async function readProcFile(path: string, limit: number): Promise<Buffer | null> {
  try {
    const handle = await open(path, 'r');
    try {
      const chunks: Buffer[] = [];
      for (let total = 0; total < limit;) {
        const chunk = Buffer.alloc(Math.min(64 * 1024, limit - total));
        const { bytesRead } = await handle.read(chunk, 0, chunk.length, null);
        if (bytesRead === 0) break;
        chunks.push(chunk.subarray(0, bytesRead));
        total += bytesRead;
      }
      return Buffer.concat(chunks);
    } finally {
      await handle.close();
    }
  } catch {
    return null;
  }
}

/** The identity of a process that runs now; null for none and for a zombie, which runs no more. */
export async function identify(pid: number): Promise<ProcessIdentity | null> {
  const stat = (await readProc(pid, 'stat'))?.toString('latin1');
  // The name in parentheses may itself hold spaces and parentheses: the fields start after the last one.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields?.[0];
  const startTicks = Number(fields?.[19]);
  if (state === undefined || state === 'Z' || state === 'X' || !Number.isSafeInteger(startTicks)) return null;
  return { pid, startTicks };
}

/** Whether this very process still runs, not a later one that got its number. */
export async function isAlive(process: ProcessIdentity): Promise<boolean> {
  return (await identify(process.pid))?.startTicks === process.startTicks;
}

/** Waits until the process has ended; false when it still runs after `limitMs`. */
export async function waitForEnd(process: ProcessIdentity, limitMs: number): Promise<boolean> {
  const until = Date.now() + limitMs;
  while (await isAlive(process)) {
    if (Date.now() >= until) return false;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return true;
}

/** Sends SIGKILL to this very process; nothing when it has ended. Waits until it is gone. */
export async function killProcess(target: ProcessIdentity, limitMs = 5_000): Promise<boolean> {
  if (await isAlive(target)) {
    try {
      process.kill(target.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  return waitForEnd(target, limitMs);
}

/** The numbers of all processes, in no order. */
export async function allPids(): Promise<readonly number[]> {
  const names = await readdir('/proc');
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
}

/** The arguments of a process; null when they cannot be read, are too long to be read whole, or are none (a kernel thread). */
export async function commandLineOf(pid: number): Promise<readonly string[] | null> {
  const bytes = await readProc(pid, 'cmdline');
  if (bytes === null || bytes.length === 0 || bytes.length >= MAX_PROC_BYTES) return null;
  return bytes.toString('utf8').replace(/\0$/, '').split('\0');
}

/** Where a link under /proc/PID points (`exe`, `cwd`, `fd/3`); null when it cannot be read. */
export async function linkOf(pid: number, name: string): Promise<string | null> {
  try {
    return await readlink(`/proc/${String(pid)}/${name}`);
  } catch {
    return null;
  }
}

/** The short name of a process, as `ps` shows it. */
export async function nameOf(pid: number): Promise<string | null> {
  return (await readProc(pid, 'comm'))?.toString('utf8').trim() ?? null;
}

/** The process of those given (or of all) that has the socket with this inode open; null when none is visible. */
export async function ownerOfSocket(inode: number, among?: readonly number[]): Promise<number | null> {
  const wanted = `socket:[${String(inode)}]`;
  for (const pid of among ?? (await allPids())) {
    const fds = await readdir(`/proc/${String(pid)}/fd`).catch(() => []);
    const links = await Promise.all(fds.map((fd) => linkOf(pid, `fd/${fd}`)));
    if (links.includes(wanted)) return pid;
  }
  return null;
}
