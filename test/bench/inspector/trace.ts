/** What Chromium's own trace tells of a stretch of scrolling: work of the page's main thread by frame, frames that were dropped. */
import { readFile, rm } from 'node:fs/promises';
import type { ElectronApplication } from 'playwright-core';

const CATEGORIES = [
  'toplevel',
  'devtools.timeline',
  'disabled-by-default-devtools.timeline',
  'disabled-by-default-devtools.timeline.frame',
  'devtools.timeline.frame',
  'cc',
  'benchmark',
];

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

export interface TracedFrames {
  /** Milliseconds of main-thread tasks in each frame: on the clock, and of CPU time. */
  readonly workMs: readonly number[];
  readonly cpuMs: readonly number[];
  /** Frames that the compositor drew, and those that it had to leave out although something had changed. */
  readonly drawn: number;
  readonly dropped: number;
}

/** Traces all processes while `act` goes on; looks at the renderer `pid`. */
export async function traced(app: ElectronApplication, pid: number, act: () => Promise<void>): Promise<TracedFrames> {
  await app.evaluate(
    ({ contentTracing }, categories) => contentTracing.startRecording({ included_categories: [...categories] }),
    CATEGORIES,
  );
  await act();
  const path = await app.evaluate(({ contentTracing }) => contentTracing.stopRecording());
  try {
    const { traceEvents } = JSON.parse(await readFile(path, 'utf8')) as { traceEvents: readonly TraceEvent[] };
    return framesIn(traceEvents.filter((event) => event.pid === pid));
  } finally {
    if (process.env['KEEP_TRACE'] === undefined) await rm(path);
    else console.log(path);
  }
}

function framesIn(events: readonly TraceEvent[]): TracedFrames {
  const main = events.find(({ name, args }) => name === 'thread_name' && args?.['name'] === 'CrRendererMain')?.tid;
  const onMain = events.filter(({ tid }) => tid === main).sort((a, b) => a.ts - b.ts);
  const begins = onMain.filter(({ name }) => name === 'BeginMainThreadFrame').map(({ ts }) => ts);
  const tasks = onMain.filter(({ name, ph }) => name === 'RunTask' && ph === 'X');
  const [workMs, cpuMs]: [number[], number[]] = [[], []];
  let at = 0;
  for (const [index, begin] of begins.slice(0, -1).entries()) {
    const end = begins[index + 1] ?? begin;
    let [work, cpu] = [0, 0];
    // A frame's work is the tasks that end in it: its own begins it, and what prepares the next follows.
    for (let task = tasks[at]; task !== undefined && task.ts < end; task = tasks[++at]) {
      if (task.ts + (task.dur ?? 0) < begin) continue;
      work += (task.dur ?? 0) / 1000;
      cpu += (task.tdur ?? 0) / 1000;
    }
    workMs.push(work);
    cpuMs.push(cpu);
  }
  const count = (name: string): number => events.filter((event) => event.name === name).length;
  return { workMs, cpuMs, drawn: count('DrawFrame'), dropped: count('DroppedFrame') };
}
