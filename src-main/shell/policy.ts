/** What the page may not do. It shows data that came out of foreign files, so it gets nothing that it does not need. */
import { app, session, type Session, type WebContents } from 'electron';

/** Scheme and host under which the page and its pictures are served. */
export const origin = 'app://stillframe';

/**
 * No inline script or style, no eval, no network, no frames; one worker. Svelte 5 makes its templates through one named
 * trusted-types policy, and the worker's address comes out of another (src-renderer/inspector/bytes/painter).
 */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types svelte-trusted-html stillframe-painter',
].join('; ');

/** Denies permissions, and every request that does not go to the page's own origin or the development server. */
export function lockSession(pageOrigin: string, target: Session = session.defaultSession): void {
  target.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  target.setPermissionCheckHandler(() => false);
  target.setDevicePermissionHandler(() => false);
  target.webRequest.onBeforeRequest(({ url }, answer) => answer({ cancel: !mayLoad(url, pageOrigin) }));
}

function mayLoad(url: string, pageOrigin: string): boolean {
  const { protocol, host } = new URL(url);
  if (`${protocol}//${host}` === origin || protocol === 'devtools:') return true;
  const page = new URL(pageOrigin);
  // The development server also talks over a web socket.
  return host === page.host && (protocol === page.protocol || protocol === 'ws:');
}

/** No page leaves where it is, opens a window or embeds another, whatever contents they are. */
export function lockContents(): void {
  app.on('web-contents-created', (_event, contents: WebContents) => {
    contents.on('will-navigate', (event) => event.preventDefault());
    contents.on('will-frame-navigate', (event) => event.preventDefault());
    contents.on('will-redirect', (event) => event.preventDefault());
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  });
}
