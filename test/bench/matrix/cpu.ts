/** CPU time of processes, from /proc (proc(5)). Seconds, in steps of 10 ms. */
import { readdir, readFile } from 'node:fs/promises';

const TICKS_PER_SECOND = 100;

/** `utime + stime` of a stat file, and `cutime + cstime`: of children that have ended and were waited for. */
async function ticks(statFile: string): Promise<{ readonly own: number; readonly ended: number }> {
  const text = await readFile(statFile, 'latin1').catch(() => '');
  // The second field, the name, may have spaces; what follows its bracket does not.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (index: number): number => Number(fields[index] ?? 0);
  return { own: field(11) + field(12), ended: field(13) + field(14) };
}

/** A process without some of its threads. Threads that have ended are in it. */
export async function cpuWithout(pid: number, threads: readonly number[]): Promise<number> {
  const all = (await ticks(`/proc/${pid}/stat`)).own;
  const parts = await Promise.all(threads.map((thread) => ticks(`/proc/${pid}/task/${thread}/stat`)));
  return parts.reduce((left, { own }) => left - own, all) / TICKS_PER_SECOND;
}

/** This process and everything below it, ended children too, without some processes and what is below them. */
export async function cpuOfTree(without: readonly number[], pid = process.pid): Promise<number> {
  const { own, ended } = await ticks(`/proc/${pid}/stat`);
  const children = (await childrenOf(pid)).filter((child) => !without.includes(child));
  const below = await Promise.all(children.map((child) => cpuOfTree(without, child)));
  return below.reduce((sum, part) => sum + part, (own + ended) / TICKS_PER_SECOND);
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'latin1').catch(() => '')),
  );
  return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
}
