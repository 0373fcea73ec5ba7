/** `app://stillframe/…`: the page, the pictures of machines' screens, and those of snapshots. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { protocol } from 'electron';
import { contentSecurityPolicy, origin } from './policy';

export interface Pictures {
  /** Path of the PNG of a machine's screen; null when there is none. */
  frame(machine: string): string | null;
  /** Path of the PNG of a snapshot's screen; null when there is none. */
  screen(snapshot: string): string | null;
}

/** Before the app is ready, as Electron wants it. `standard` gives the scheme an origin and relative addresses. */
export function registerScheme(): void {
  // With compiled code kept, later starts and first uses of a view are quicker.
  const privileges = { standard: true, secure: true, codeCache: true };
  protocol.registerSchemesAsPrivileged([{ scheme: new URL(origin).protocol.slice(0, -1), privileges }]);
}

export function serveScheme(pageFolder: string, pictures: Pictures): void {
  protocol.handle(new URL(origin).protocol.slice(0, -1), async (request) => {
    const found = request.method === 'GET' ? await answer(new URL(request.url), pageFolder, pictures) : null;
    return found ?? new Response('Not here.', { status: 404, headers: { ...always, 'content-type': 'text/plain' } });
  });
}

const always = {
  'content-security-policy': contentSecurityPolicy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
} as const;

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.woff2': 'font/woff2',
  '.woff': 'font/woff',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.map': 'application/json',
};

const maxPage = 32 * 1024 * 1024;
/** A 4K screen as PNG is at most a few tens of MB. */
const maxPicture = 64 * 1024 * 1024;

async function answer(url: URL, pageFolder: string, pictures: Pictures): Promise<Response | null> {
  if (`${url.protocol}//${url.host}` !== origin) return null;
  const path = decoded(url.pathname);
  if (path === null) return null;
  const [, kind, id] = /^\/(frame|screen)\/(.+)$/.exec(path) ?? [];
  if (kind !== undefined && id !== undefined) {
    const file = kind === 'frame' ? pictures.frame(id) : pictures.screen(id);
    return file === null ? null : respond(file, 'image/png', 'no-store', maxPicture);
  }
  const type = types[extname(path)];
  if (type === undefined || normalize(path) !== path) return null;
  return respond(join(pageFolder, path), type, 'no-cache', maxPage);
}

/** The path with its escapes resolved; null when they are malformed or hide a NUL. */
function decoded(path: string): string | null {
  try {
    const plain = decodeURIComponent(path);
    return plain.includes('\0') ? null : plain;
  } catch {
    return null;
  }
}

async function respond(file: string, type: string, cache: string, most: number): Promise<Response | null> {
  const bytes = await readAtMost(file, most).catch(() => null);
  if (bytes === null) return null;
  return new Response(bytes, { headers: { ...always, 'content-type': type, 'cache-control': cache } });
}

/** The whole of a regular file that is not larger than `most`; null otherwise. Never waits for a pipe. */
async function readAtMost(path: string, most: number): Promise<Uint8Array<ArrayBuffer> | null> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = await handle.stat();
    if (!stat.isFile() || stat.size > most) return null;
    const bytes = new Uint8Array(stat.size);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
