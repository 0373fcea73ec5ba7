/**
 * Looks at the hex view from inside the page, once a frame: whether its top row is the one that the scroll bar stands for,
 * how long rows are without their bytes, and what keeps the page from drawing. Only what can be seen is looked at.
 */
import type { Page } from 'playwright-core';

export interface ScrollSeen {
  /** When each frame began, in milliseconds. */
  readonly frames: readonly number[];
  /** Frames whose top row was not the row of the scroll bar's offset: what was shown and what was due. */
  readonly mismatches: readonly string[];
  /** Different rows that were seen at the top. */
  readonly tops: number;
  /** The longest time, in milliseconds, that a row in view had no bytes, or that there were too few rows. */
  readonly longestBlankMs: number;
  readonly blankFrames: number;
  /** Tasks of more than 50 ms, in milliseconds. */
  readonly longTasksMs: readonly number[];
}

const watch = `(() => {
  const seen = { frames: [], mismatches: [], tops: 0, longestBlankMs: 0, blankFrames: 0, longTasksMs: [] };
  const longTasks = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.longTasksMs.push(duration);
  });
  longTasks.observe({ type: 'longtask' });
  const body = document.getElementById('inspector-bytes');
  const track = document.querySelector('.track');
  // It keeps its size, so it is asked once: asking makes the page lay itself out.
  const needed = Math.floor(body.clientHeight / 20);
  const rows = body.getElementsByClassName('row');
  const blanks = () => body.querySelectorAll('[aria-label="not read yet"]').length;
  let [blankSince, lastTop, going] = [null, null, true];
  function look(now) {
    if (!going) return;
    seen.frames.push(now);
    const picture = body.querySelector('canvas[data-rows]');
    const shown = picture === null ? [...rows].map((row) => Number(row.dataset.from)) : picture.dataset.rows.split(' ').map(Number);
    const [top] = shown;
    const due = Number(track.getAttribute('aria-valuetext'));
    const next = shown.find((from) => from > top) ?? Infinity;
    if (!(top <= due && due < next)) seen.mismatches.push(top + ' is shown, ' + due + ' is due');
    if (top !== lastTop) [seen.tops, lastTop] = [seen.tops + 1, top];
    if ((picture === null ? blanks() : Number(picture.dataset.blank)) > 0 || shown.length < needed) {
      blankSince ??= now;
      seen.blankFrames += 1;
      seen.longestBlankMs = Math.max(seen.longestBlankMs, now - blankSince);
    } else blankSince = null;
    requestAnimationFrame(look);
  }
  requestAnimationFrame(look);
  window.endOfWatch = () => {
    going = false;
    for (const { duration } of longTasks.takeRecords()) seen.longTasksMs.push(duration);
    longTasks.disconnect();
    return seen;
  };
})()`;

/** Watches while `act` goes on. */
export async function watchScrolling(page: Page, act: () => Promise<void>): Promise<ScrollSeen> {
  await page.evaluate(watch);
  await act();
  return page.evaluate<ScrollSeen>('window.endOfWatch()');
}

/** The offset of the hex view's top row. */
export const topRow = (page: Page): Promise<number> =>
  page.evaluate<number>(`Number(document.querySelector('#inspector-bytes .row').dataset.from)`);

export interface Track {
  readonly x: number;
  readonly top: number;
  readonly bottom: number;
}

/** Where a scroll bar can be dragged: its selector, and the middle of a thumb of that height. */
export async function trackOf(page: Page, selector: string, thumb: number): Promise<Track> {
  const box = await page.locator(selector).boundingBox();
  if (box === null) throw new Error(`${selector} is not to be seen`);
  return { x: box.x + box.width / 2, top: box.y + thumb / 2, bottom: box.y + box.height - thumb / 2 };
}

/** Drags from the top to the bottom and back, again and again, for so long; a move for each frame that the page draws. */
export async function dragAlong(page: Page, track: Track, seconds: number): Promise<void> {
  const { mouse } = page;
  await mouse.move(track.x, track.top);
  await mouse.down();
  const began = performance.now();
  for (let now = began; now - began < seconds * 1000; now = performance.now()) {
    // There and back in two seconds.
    const turn = ((now - began) / 1000) % 2;
    await mouse.move(track.x, track.top + (track.bottom - track.top) * (turn < 1 ? turn : 2 - turn));
  }
  await mouse.up();
}
