/** Starts a painter. The one address that a worker of this page may have is made trusted here, before anybody else can. */
import workerUrl from './worker?worker&url';
import type { FromPainter, ToPainter } from './protocol';

/** A painter as the page knows it. */
export interface PainterLink {
  send(message: ToPainter, transfer: Transferable[]): void;
  /** Ends it, whatever it does. */
  end(): void;
}

/** `hear` gets what it says; its death is `failed`, too. */
export type StartPainter = (hear: (message: FromPainter) => void) => PainterLink;

/** The page's policy (src-main/shell/policy.ts) names it and allows no second one of this name. */
const POLICY = 'stillframe-painter';

/** As much of the Trusted Types as is used; the DOM's own types have none of it. */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(given: string): string },
  ): { createScriptURL(given: string): string };
}
const { trustedTypes } = globalThis as { readonly trustedTypes?: TrustedTypes };
const trusted = trustedTypes?.createPolicy(POLICY, { createScriptURL: () => workerUrl });

export const startPainter: StartPainter = (hear) => {
  const worker = new Worker(trusted?.createScriptURL(workerUrl) ?? workerUrl, { type: 'module', name: 'painter' });
  const failed = (): void => hear({ kind: 'failed' });
  worker.onmessage = ({ data }: MessageEvent<FromPainter>) => hear(data);
  worker.onerror = failed;
  worker.onmessageerror = failed;
  return { send: (message, transfer) => worker.postMessage(message, transfer), end: () => worker.terminate() };
};
