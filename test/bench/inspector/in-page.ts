/** Times taken inside the page: from the event that a person makes to the end of the frame that shows what it asked for. */
import type { Page } from 'playwright-core';

/** Calls `then` when the frame that shows `holds()` has been drawn. */
const WHEN_DRAWN = `
  const whenDrawn = (holds, then) => requestAnimationFrame(function look() {
    if (!holds()) return void requestAnimationFrame(look);
    const channel = new MessageChannel();
    // A message that is sent before a frame is drawn comes after it.
    channel.port1.onmessage = () => then(performance.now());
    channel.port2.postMessage(null);
  });`;

/** A row whose bytes have not come. */
const NOT_READ = `document.querySelector('#inspector-bytes [aria-label="not read yet"]')`;

/** Milliseconds since 1970 at which the first rows of the file that the next click opens are drawn, with their bytes. */
export async function whenOpened(page: Page, click: () => Promise<void>): Promise<number> {
  await page.evaluate(`window.opened = new Promise((resolve) => {
    ${WHEN_DRAWN}
    addEventListener('click', () => {
      const room = document.querySelector('.inspector');
      let opening = false;
      whenDrawn(() => {
        const busy = room.getAttribute('aria-busy') === 'true';
        opening ||= busy;
        return opening && !busy && document.querySelector('#inspector-bytes .row') !== null
          && ${NOT_READ} === null;
      }, (now) => resolve(performance.timeOrigin + now));
    }, { capture: true, once: true });
  }); void 0`);
  await click();
  return page.evaluate<number>('window.opened');
}

/** Milliseconds from Enter to the rows around `offset`, with their bytes and the cursor among them. */
export async function timeGoing(page: Page, offset: number, enter: () => Promise<void>): Promise<number> {
  await page.evaluate(`window.went = new Promise((resolve) => {
    ${WHEN_DRAWN}
    addEventListener('keydown', ({ timeStamp }) => whenDrawn(
      () => {
        const rows = [...document.querySelectorAll('#inspector-bytes .row')];
        const at = rows.findLastIndex((row) => Number(row.dataset.from) <= ${offset} && row.dataset.kind !== 'page');
        return at >= 0 && ${NOT_READ} === null
          && rows[at].classList.contains('here');
      },
      (now) => resolve(now - timeStamp),
    ), { capture: true, once: true });
  }); void 0`);
  await enter();
  return page.evaluate<number>('window.went');
}

/** Milliseconds from the next click to the map of all pages of a block, as a strip and as cells, and their number. */
export async function timePages(page: Page, present: number, click: () => Promise<void>): Promise<number> {
  await page.evaluate(`window.mapped = new Promise((resolve) => {
    ${WHEN_DRAWN}
    const isPainted = (canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let opaque = 0;
      for (let at = 3; at < data.length; at += 4) opaque += data[at] > 0 ? 1 : 0;
      // A quarter of the pixels: the rest are the gaps between cells.
      return opaque > data.length / 16;
    };
    addEventListener('click', ({ timeStamp }) => whenDrawn(
      () => {
        const found = document.querySelector('[data-panel=States] [data-state=present] .found')?.textContent ?? '';
        const maps = [...document.querySelectorAll('.map canvas')];
        return Number(found.replace(/\\D/g, '')) === ${present} && maps.length === 2 && maps.every(isPainted);
      },
      (now) => resolve(now - timeStamp),
    ), { capture: true, once: true });
  }); void 0`);
  await click();
  return page.evaluate<number>('window.mapped');
}

/** Lays an empty page of that many pixels over the app's, with a scroll bar of its own, to compare with. */
export async function layBlank(page: Page): Promise<void> {
  await page.evaluate(`(() => {
    const over = document.createElement('div');
    over.id = 'blank-page';
    over.style.cssText = 'position: fixed; inset: 0; z-index: 9999; background: white; overflow-y: scroll';
    over.append(Object.assign(document.createElement('div'), { style: 'height: 1000000px' }));
    document.body.append(over);
  })()`);
}

export const takeBlankAway = (page: Page): Promise<void> =>
  page.evaluate(`document.getElementById('blank-page').remove()`);
