/** The painter's entry: what the page says goes to the painter, in the order in which it comes. */
import { connect } from '@shared/contracts/endpoint';
import { domWire } from '@shared/contracts/endpoint-wires';
import { inspectorPortMethods, type InspectorPort } from '@shared/contracts/inspector-port';
import { CanvasEasel } from './easel';
import { loadFonts } from './fonts';
import { Painter } from './painter.svelte';
import type { FromPainter, ToPainter } from './protocol';

/** What is used of the worker's global: its types would stand against those of the window. */
interface Scope {
  readonly fonts: FontFaceSet;
  onmessage: ((event: MessageEvent<ToPainter>) => void) | null;
  postMessage(message: FromPainter): void;
}
const scope = globalThis as unknown as Scope;
const tell = (message: FromPainter): void => scope.postMessage(message);

let painter: Promise<Painter> | null = null;

async function open(port: MessagePort): Promise<Painter> {
  await loadFonts(scope.fonts);
  return Painter.open(connect<InspectorPort>(domWire(port), inspectorPortMethods).api, new CanvasEasel(), tell);
}

async function hear(message: ToPainter): Promise<void> {
  if (message.kind === 'open') {
    painter = open(message.port);
    await painter;
    return;
  }
  const opened = await painter;
  if (message.kind === 'begin') opened?.begin(message.move, message.canvas, message.look);
  else await opened?.drag(message.share);
}

scope.onmessage = ({ data }) => {
  hear(data).catch(() => tell({ kind: 'failed' }));
};
