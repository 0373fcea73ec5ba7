/** What the rows of the hex view say of their bytes, and what is painted of them: source text that runs in the page. */

/**
 * `cellsOf(row)`: the bytes of a row by column, '' before its first; empty while they are not read, and for a row without.
 * `textOf(row)`: what stands in its text pane.
 */
export const HEX_ROWS = `
  const NOT_READ = 'not read yet';
  const saidIn = (row, pane) => row.querySelector('[data-pane=' + pane + ']')?.getAttribute('aria-label') ?? NOT_READ;
  const cellsOf = (row) => saidIn(row, 'hex') === NOT_READ ? []
    : [...Array(Number(row.dataset.from) - Number(row.dataset.base)).fill(''), ...saidIn(row, 'hex').split(' ')];
  const textOf = (row) => saidIn(row, 'ascii') === NOT_READ ? '' : saidIn(row, 'ascii');`;

/**
 * Reads the picture of the bytes back: of each cell in view, which of all 256 bytes it looks most like, whatever its colours.
 * Answers the cells that look like another byte than the one that is said to be there, and how many were read.
 */
export const READ_PICTURE = `(() => {
  ${HEX_ROWS}
  const canvas = document.querySelector('#inspector-bytes canvas.bytes');
  const [origin, scale] = [canvas.getBoundingClientRect(), devicePixelRatio];
  const style = getComputedStyle(canvas);
  const view = getComputedStyle(document.querySelector('.hex'));
  const [cell, gap] = ['--cell', '--half-gap'].map((name) => parseFloat(view.getPropertyValue(name)));
  const [width, height] = [Math.floor(cell * scale), Math.round(20 * scale)];
  const picture = canvas.getContext('2d');
  const sheet = new OffscreenCanvas(width, height).getContext('2d', { alpha: false, willReadFrequently: true });
  const shape = ({ data }) => {
    const light = Array.from({ length: data.length / 4 }, (_, at) => data[4 * at] + data[4 * at + 1] + data[4 * at + 2]);
    // Without the lines below and beside it, and with what most pixels are as nothing.
    const inner = light.filter((_, at) => Math.floor(at / width) < height - 3 * scale && Math.floor(at / width) > scale && at % width > scale);
    const ground = [...inner].sort((a, b) => a - b)[Math.floor(inner.length / 2)];
    const ink = inner.map((one) => Math.abs(one - ground));
    const length = Math.hypot(...ink) || 1;
    return ink.map((one) => one / length);
  };
  const shapes = Array.from({ length: 256 }, (_, byte) => {
    sheet.setTransform(1, 0, 0, 1, 0, 0);
    sheet.fillStyle = 'black';
    sheet.fillRect(0, 0, width, height);
    sheet.scale(scale, scale);
    sheet.font = style.fontSize + ' ' + style.fontFamily;
    sheet.textAlign = 'center';
    sheet.textBaseline = 'middle';
    sheet.fillStyle = 'white';
    sheet.fillText(byte.toString(16).padStart(2, '0'), cell / 2, 10.5);
    return shape(sheet.getImageData(0, 0, width, height));
  });
  const like = (a, b) => a.reduce((sum, one, at) => sum + one * b[at], 0);
  const wrong = [];
  let read = 0;
  for (const row of document.querySelectorAll('#inspector-bytes .row[data-kind=bytes]')) {
    const top = Math.round((row.getBoundingClientRect().top - origin.top) * scale);
    if (top + height > canvas.height) continue;
    cellsOf(row).forEach((said, column) => {
      if (said === '') return;
      const left = Math.round((column * cell + Math.floor(column / 8) * gap) * scale);
      const seen = shape(picture.getImageData(left, top, width, height));
      const best = shapes.reduce((most, one, byte) => (like(seen, one) > like(seen, shapes[most]) ? byte : most), 0);
      if (best !== parseInt(said, 16)) wrong.push(row.dataset.from + ' column ' + column + ': ' + said + ' looks like ' + best.toString(16));
      read += 1;
    });
  }
  return { read, wrong };
})()`;
