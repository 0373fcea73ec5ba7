/** The shell of the app in real Electron: what the page may do, and what it may not. */
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppEvent, InspectorSession, Reply } from '@shared/contracts/app';
import { launchApp, type LaunchedApp } from '../support/electron';

const ROOT = resolve(import.meta.dirname, '../..');
const preload = join(ROOT, 'out/preload/index.cjs');

let launched: LaunchedApp;
beforeAll(async () => {
  launched = await launchApp();
  await inPage(`(globalThis.seen = [], stillframe.onEvent((event) => { seen.push(event); }))`);
});
afterAll(() => launched?.close());

/** Runs in the page; strings, because the page's globals are the DOM's, which this program does not know. */
const inPage = <T>(expression: string): Promise<T> => launched.page.evaluate<T>(expression);
const call = (service: string, method: string, args: readonly unknown[] = []): Promise<Reply> =>
  inPage(`stillframe.invoke(${JSON.stringify(service)}, ${JSON.stringify(method)}, ${JSON.stringify(args)})`);
/** Forgets the events that came so far; from here on `seen` holds new ones only. */
const forgetEvents = (): Promise<void> => inPage(`(seen.length = 0, undefined)`);
const url = (): string => launched.page.url();

/** Waits until `ask` gives something else than null or undefined. */
async function until<T>(ask: () => Promise<T | null | undefined>, what: string, limitMs = 20_000): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await sleep(50);
  }
}

describe('the page', () => {
  it('keeps to its own policy: it starts without an error or a violation', async () => {
    await until(
      async () => ((await inPage<string>('document.body.innerText')).includes('Machines') ? true : null),
      'it',
    );
    await sleep(300);
    expect(launched.pageErrors()).toEqual([]);
  });

  it('is served with its policy in the header', async () => {
    const headers = await launched.app.evaluate(async ({ net }) => {
      const { headers: given } = await net.fetch('app://stillframe/index.html');
      return Object.fromEntries(given.entries());
    });
    expect(headers['content-security-policy']?.split('; ').sort()).toEqual(
      [
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
      ].sort(),
    );
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  it('has no Node, no Electron, and only the bridge', async () => {
    const found = await inPage(
      `['require', 'process', 'module', 'global', 'Buffer', 'electron', 'ipcRenderer'].filter((name) => name in globalThis)`,
    );
    expect(found).toEqual([]);
    expect(await inPage('Object.keys(stillframe).sort()')).toEqual(['invoke', 'onEvent', 'pathForFile']);
  });

  const forbidden: [string, string, string][] = [
    [
      'an inline script',
      `s = document.createElement('script'); s.textContent = 'globalThis.pwned = 1'`,
      'TrustedScript',
    ],
    [
      'a script from elsewhere',
      `s = document.createElement('script'); s.src = 'https://example.invalid/x.js'`,
      'TrustedScriptURL',
    ],
    ['an inline style', `s = document.createElement('style'); s.textContent = 'body { color: red }'`, 'style-src'],
    ['a picture from elsewhere', `s = new Image(); s.src = 'https://example.invalid/x.png'`, 'img-src'],
    ['a data: picture', `s = new Image(); s.src = 'data:image/gif;base64,R0lGODlhAQABAAAAACw='`, 'img-src'],
    ['a frame', `s = document.createElement('iframe'); s.src = 'app://stillframe/index.html'`, 'frame-src'],
    [
      'an embedded object',
      `s = document.createElement('object'); s.data = 'app://stillframe/index.html'`,
      'TrustedScriptURL',
    ],
    ['markup from a string', `s = document.createElement('p'); s.innerHTML = '<b>x</b>'`, 'require-trusted-types-for'],
    ['eval', `s = document.createElement('p'); eval('globalThis.pwned = 1')`, 'script'],
    ['a request', `s = document.createElement('p'); fetch('https://example.invalid/')`, 'connect-src'],
    ['a worker', `s = document.createElement('p'); new Worker('app://stillframe/index.js')`, 'TrustedScriptURL'],
    ['a worker from memory', `s = document.createElement('p'); new SharedWorker('data:text/javascript,1')`, 'Trusted'],
    [
      "the painter's policy for trusted types",
      `s = document.createElement('p'); trustedTypes.createPolicy('stillframe-painter', {})`,
      'trusted-types',
    ],
    [
      'a policy for trusted types of its own',
      `s = document.createElement('p'); trustedTypes.createPolicy('x', {})`,
      'trusted-types',
    ],
  ];
  it.each(forbidden)('may not use %s', async (_name, make, directive) => {
    const result = await inPage<{ violations: string[]; pwned: boolean }>(`(async () => {
      const violations = [];
      const note = (event) => violations.push(event.effectiveDirective);
      document.addEventListener('securitypolicyviolation', note);
      let s;
      // In a task of its own: what DevTools evaluates is exempt from the policy.
      await new Promise((done) => setTimeout(() => {
        try { ${make}; document.body.append(s); } catch (error) { violations.push(error.name + ': ' + error.message); }
        done();
      }));
      await new Promise((done) => setTimeout(done, 150));
      document.removeEventListener('securitypolicyviolation', note);
      s?.remove();
      return { violations, pwned: 'pwned' in globalThis };
    })()`);
    expect(result.violations.join(' ')).toContain(directive);
    expect(result.pwned).toBe(false);
  });

  it.each([
    ['another site', `location.href = 'https://example.invalid/'`],
    ['another page of its own', `location.href = '/elsewhere.html'`],
    ['a file', `location.href = 'file:///etc/passwd'`],
    ['a script address', `location.href = 'javascript:globalThis.pwned = 1'`],
    [
      'a link',
      `a = document.createElement('a'); a.href = 'https://example.invalid/'; document.body.append(a); a.click(); a.remove()`,
    ],
    [
      'a form',
      `f = document.createElement('form'); f.action = 'https://example.invalid/'; document.body.append(f); f.submit(); f.remove()`,
    ],
  ])('does not go to %s', async (_name, go) => {
    const before = url();
    await inPage(`setTimeout(() => { let a, f; ${go}; })`);
    await sleep(200);
    expect(url()).toBe(before);
    expect(await inPage(`'pwned' in globalThis`)).toBe(false);
  });

  it('opens no window and gets no permission', async () => {
    expect(await inPage(`window.open('app://stillframe/index.html') === null`)).toBe(true);
    expect(
      await inPage(
        `(() => { const a = document.createElement('a'); a.target = '_blank'; a.href = '/index.html'; document.body.append(a); a.click(); a.remove(); })()`,
      ),
    ).toBeUndefined();
    expect(launched.app.windows()).toHaveLength(1);
    const states = await inPage<string[]>(
      `Promise.all(['geolocation', 'camera', 'microphone', 'notifications', 'clipboard-read'].map(
        async (name) => (await navigator.permissions.query({ name })).state))`,
    );
    expect(new Set(states)).toEqual(new Set(['denied']));
    const refused = await inPage(
      `navigator.mediaDevices?.getUserMedia({ audio: true }).then(() => 'given', () => 'refused') ?? 'refused'`,
    );
    expect(refused).toBe('refused');
  });

  it('gets nothing from the scheme but its own files', async () => {
    const asked = [
      '/..%2f..%2fpackage.json',
      '/%2e%2e/%2e%2e/package.json',
      '/assets/..%2f..%2fmain%2findex.js',
      '/assets/..%5c..%5cmain%5cindex.js',
      '/frame/..%2f..%2f..%2fetc%2fpasswd',
      '/screen/%2fetc%2fpasswd',
      '/frame/nobody',
      '/%00.js',
      '/%zz.js',
      '/nothing.js',
      '/',
    ];
    const statuses = await launched.app.evaluate(
      ({ net }, paths) => Promise.all(paths.map(async (path) => (await net.fetch(`app://stillframe${path}`)).status)),
      asked,
    );
    expect(statuses).toEqual(asked.map(() => 404));
    const elsewhere = await launched.app.evaluate(
      async ({ net }) => (await net.fetch('app://other/index.html').catch(() => ({ status: 0 }))).status,
    );
    expect(elsewhere).not.toBe(200);
  });
});

describe('calls from the page', () => {
  it('are answered', async () => {
    const reply = await call('shell', 'about');
    expect(reply).toMatchObject({ ok: true, value: { electron: expect.stringMatching(/^\d+\./) as string } });
  });

  it.each([
    ['an unknown service', 'nothing', 'list', []],
    ['an unknown method', 'machines', 'nothing', []],
    ['a name of every object', 'machines', 'constructor', []],
    ['a service that is a name of every object', '__proto__', 'toString', []],
    ['an argument too many', 'machines', 'list', [1]],
    ['an argument of the wrong kind', 'machines', 'start', [7]],
    ['a channel too many', 'saves', 'begin', [{ machine: 'm', channels: 17 }]],
  ])('are refused for %s', async (_name, service, method, args) => {
    expect(await call(service, method, args)).toMatchObject({ ok: false, failure: { code: 'app.refused' } });
  });

  it('are refused from any other frame, even one with our preload and our origin', async () => {
    const reply = await launched.app.evaluate(async ({ BrowserWindow }, preloadFile) => {
      const foreign = new BrowserWindow({ show: false, webPreferences: { preload: preloadFile, sandbox: true } });
      try {
        await foreign.loadURL('app://stillframe/index.html');
        return (await foreign.webContents.executeJavaScript(`stillframe.invoke('machines', 'list', [])`)) as unknown;
      } finally {
        foreign.destroy();
      }
    }, preload);
    expect(reply).toMatchObject({ ok: false, failure: { code: 'app.refused', what: 'this frame may not call' } });
  });

  it('change settings, which are remembered in a file and told as an event', async () => {
    await forgetEvents();
    const settings = { theme: 'light', singleKeys: false };
    expect(await call('shell', 'setSettings', [settings])).toEqual({ ok: true, value: settings });
    expect(await inPage(`seen.find((event) => event.kind === 'settings')?.settings`)).toEqual(settings);
    const file = join(launched.dirs.data, 'stillframe/settings.json');
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(settings);
    expect(await launched.app.evaluate(({ nativeTheme }) => nativeTheme.themeSource)).toBe('light');
  });

  it('copy text to the clipboard', async () => {
    await call('shell', 'copyText', ['0x0000000000000083']);
    expect(await launched.app.evaluate(({ clipboard }) => clipboard.readText())).toBe('0x0000000000000083');
  });
});

describe('the menu', () => {
  it('sends commands to the page, under the keys of LOOK.md', async () => {
    await forgetEvents();
    const keys = await launched.app.evaluate(({ Menu }) => {
      const items = (Menu.getApplicationMenu()?.items ?? []).flatMap((item) => item.submenu?.items ?? []);
      for (const label of ['Library', 'Attach…', 'Commands']) items.find((item) => item.label === label)?.click();
      return Object.fromEntries(items.filter((item) => item.accelerator).map((item) => [item.label, item.accelerator]));
    });
    expect(keys).toMatchObject({ Machines: 'Alt+1', Library: 'Alt+2', Inspector: 'Alt+3', Commands: 'Ctrl+K' });
    const commands = await until(async () => {
      const seen = await inPage<AppEvent[]>('seen');
      const found = seen.flatMap((event) => (event.kind === 'command' ? [event.command] : []));
      return found.length < 3 ? null : found;
    }, 'three commands');
    expect(commands).toEqual([{ name: 'go', room: 'library' }, { name: 'attach' }, { name: 'commands' }]);
  });
});

describe('an inspector', () => {
  /** Opens a file as the page's client does, but keeps the raw port. */
  const openRaw = async (path: string): Promise<InspectorSession> => {
    const reply = await inPage<Reply>(`(async () => {
      const ported = new Promise((done) => addEventListener('message', ({ ports }) => done(ports[0]), { once: true }));
      const reply = await stillframe.invoke('inspector', 'open', [{ path: ${JSON.stringify(path)} }]);
      if (reply.ok) { globalThis.port = await ported; port.start(); }
      return reply;
    })()`);
    if (!reply.ok) throw new Error(reply.failure.what);
    return reply.value as InspectorSession;
  };
  const ask = (message: unknown): Promise<unknown> =>
    inPage(`new Promise((done) => {
      const timer = setTimeout(() => done('nothing came'), 10_000);
      port.onmessage = ({ data }) => { clearTimeout(timer);
        done(data.value instanceof Uint8Array ? { bytes: [...data.value], buffer: data.value.buffer.byteLength } : data); };
      port.postMessage(${JSON.stringify(message)});
    })`);
  const read = (offset: number, length: number) => ({
    id: 'read',
    type: 'APPLY',
    path: ['bytes'],
    argumentList: [offset, length].map((value) => ({ type: 'RAW', value })),
  });
  const workers = (): Promise<number[]> =>
    launched.app.evaluate(({ app }) =>
      app
        .getAppMetrics()
        .flatMap(({ type, pid, name, serviceName }) =>
          type === 'Utility' && `${name} ${serviceName}`.includes('stillframe') ? [pid] : [],
        ),
    );

  it('is served by a worker straight to the page, which gets the bytes asked for and no more', async () => {
    const file = join(launched.dirs.root, 'some.bin');
    await writeFile(file, Buffer.from(Array.from({ length: 1 << 16 }, (_, at) => at % 253)));
    const session = await openRaw(file);
    expect(session).toMatchObject({ path: file, name: 'some.bin', snapshot: null });
    expect(await ask(read(253 * 4 + 1, 4))).toEqual({ bytes: [1, 2, 3, 4], buffer: 4 });
    await call('inspector', 'close', [session.id]);
  });

  it.each([
    ['SET', { id: 'x', type: 'SET', path: ['bytes'], value: { type: 'RAW', value: 1 } }],
    ['CONSTRUCT', { id: 'x', type: 'CONSTRUCT', path: ['bytes', 'constructor'], argumentList: [] }],
    ['GET', { id: 'x', type: 'GET', path: [] }],
    ['a call of constructor', { id: 'x', type: 'APPLY', path: ['constructor'], argumentList: [] }],
    ['a call through two steps', { id: 'x', type: 'APPLY', path: ['bytes', 'call'], argumentList: [] }],
    ["a call of the worker's other methods", { id: 'x', type: 'APPLY', path: ['syncFolder'], argumentList: [] }],
  ])('refuses %s on its port', async (_name, message) => {
    const session = await openRaw('/etc/hostname');
    expect(await ask(message)).toMatchObject({ id: 'x', name: 'throw', value: { code: 'worker.refused' } });
    await call('inspector', 'close', [session.id]);
  });

  it('tells the page when its worker is killed, and can be opened again', async () => {
    await forgetEvents();
    const session = await openRaw('/etc/hostname');
    await ask(read(0, 1));
    for (const pid of await workers()) process.kill(pid, 'SIGKILL');
    const ended = await until(async () => {
      const events = await inPage<AppEvent[]>('seen');
      return events.find((event) => event.kind === 'inspector-ended' && event.session === session.id);
    }, 'the end of the inspector');
    expect(ended).toMatchObject({ failure: { code: 'worker.died', where: { path: '/etc/hostname' } } });
    const again = await openRaw('/etc/hostname');
    expect(await ask(read(0, 1))).toMatchObject({ buffer: 1 });
    await call('inspector', 'close', [again.id]);
  });

  it('leaves no worker but the one in waiting when it is closed', async () => {
    const sessions = await Promise.all([1, 2, 3].map(() => openRaw('/etc/hostname')));
    for (const { id } of sessions) await call('inspector', 'close', [id]);
    await until(async () => ((await workers()).length <= 1 ? true : null), 'the workers to end');
  });

  it.each([
    ['a missing file', '/nothing/here', 'file.not-found'],
    ['a folder', '/etc', 'file.not-a-file'],
    ['a device without end', '/dev/zero', 'file.not-a-file'],
  ])('is refused for %s', async (_name, path, code) => {
    expect(await call('inspector', 'open', [{ path }])).toMatchObject({
      ok: false,
      failure: { code, where: { path } },
    });
  });
});
