import { describe, expect, it } from 'vitest';
import type { AppApi } from '@shared/contracts/app';
import { fail } from '@shared/contracts/failure';
import { answerCall, type Sender } from './gate';
import { schemas } from './schemas';

const origin = 'app://stillframe';
const page: Sender = { origin, isPage: true };

/** Every call that came through, in an api that has all methods that AppApi has. */
function recordingApi(): { api: AppApi; calls: unknown[] } {
  const calls: unknown[] = [];
  const services = Object.entries(schemas).map(([service, methods]) => {
    const functions = Object.keys(methods).map((method) => {
      const record = (...args: unknown[]): Promise<unknown> => {
        calls.push([service, method, args]);
        return Promise.resolve(`${service}.${method}`);
      };
      return [method, record] as const;
    });
    return [service, Object.fromEntries(functions)] as const;
  });
  return { api: Object.fromEntries(services) as unknown as AppApi, calls };
}

const save = {
  machine: 'm1',
  name: null,
  note: '',
  mode: 'live',
  channels: 2,
  directIo: true,
  after: 'run',
  engine: 'auto',
  flush: 'auto',
  releaseEarly: false,
  liveLimitSeconds: 60,
  rateLimit: null,
  out: null,
};
const conversion = { source: { path: '/a' }, to: 'stream', target: '/b', block: null, range: null };
const recipe = { name: 'vm', program: 'qemu-system-x86_64', argv: ['-m', '64'], env: { A: 'b' }, cwd: '/' };
const form = { name: 'vm', memoryMiB: 256, cpus: 1, accelerator: 'tcg', disk: null, cdrom: null };

const good: [string, string, unknown[]][] = [
  ['machines', 'list', []],
  ['machines', 'start', ['m1']],
  ['machines', 'add', [{ kind: 'recipe', recipe }]],
  ['machines', 'add', [{ kind: 'form', form }]],
  ['machines', 'add', [{ kind: 'demo' }]],
  ['machines', 'add', [{ kind: 'demo', memoryMiB: 256, dirtyMiB: 0 }]],
  ['machines', 'add', [{ kind: 'command-line', name: '', commandLine: 'qemu-system-x86_64 -m 64', cwd: null }]],
  ['saves', 'begin', [save]],
  ['library', 'rename', ['s', 'new name']],
  ['restores', 'restore', ['s', { engine: 'auto', then: null, accepted: ['disk-written:/a'] }]],
  ['conversions', 'begin', [conversion]],
  ['conversions', 'begin', [{ ...conversion, source: { snapshot: 's' }, to: 'raw', block: 'pc.ram' }]],
  ['conversions', 'cancel', ['c1']],
  ['shell', 'chooseTarget', ['memory.stream']],
  ['inspector', 'open', [{ path: '/a' }]],
  ['inspector', 'open', [{ snapshot: 's' }]],
  ['shell', 'setSettings', [{ theme: 'light', singleKeys: false }]],
];

const bad: [string, string, unknown][] = [
  ['machines', 'list', [1]],
  ['machines', 'list', null],
  ['machines', 'list', undefined],
  ['machines', 'list', { length: 0 }],
  ['machines', 'start', []],
  ['machines', 'start', [7]],
  ['machines', 'start', ['']],
  ['machines', 'start', ['x'.repeat(256)]],
  ['machines', 'start', ['m1', 'm2']],
  ['machines', 'attach', ['/a\0b']],
  ['machines', 'add', [{ kind: 'other' }]],
  ['machines', 'add', [{ kind: 'demo', memoryMiB: 0 }]],
  ['machines', 'add', [{ kind: 'demo', memoryMiB: 1.5 }]],
  ['machines', 'add', [{ kind: 'demo', extra: 1 }]],
  ['machines', 'add', [{ kind: 'recipe', recipe: { ...recipe, argv: 'x' } }]],
  ['machines', 'add', [{ kind: 'recipe', recipe: { ...recipe, argv: Array(5000).fill('a') } }]],
  ['saves', 'begin', [{ ...save, channels: 0 }]],
  ['saves', 'begin', [{ ...save, channels: 17 }]],
  ['saves', 'begin', [{ ...save, channels: 1.5 }]],
  ['saves', 'begin', [{ ...save, liveLimitSeconds: Number.NaN }]],
  ['saves', 'begin', [{ ...save, liveLimitSeconds: Infinity }]],
  ['saves', 'begin', [{ ...save, rateLimit: 0 }]],
  ['saves', 'begin', [{ ...save, rateLimit: 0.5 }]],
  ['saves', 'begin', [{ ...save, mode: 'instant' }]],
  ['saves', 'begin', [{ ...save, directIo: 'yes' }]],
  ['restores', 'restore', ['s', { engine: 'auto', then: 'run', accepted: [1] }]],
  ['conversions', 'begin', [{ ...conversion, to: 'qcow2' }]],
  ['conversions', 'begin', [{ ...conversion, target: '' }]],
  ['conversions', 'begin', [{ ...conversion, source: { path: '/a', snapshot: 's' } }]],
  ['conversions', 'cancel', [7]],
  ['inspector', 'open', [{}]],
  ['inspector', 'open', [{ path: '/a', snapshot: 's' }]],
  ['shell', 'setSettings', [{ theme: 'pink', singleKeys: true }]],
  ['shell', 'chooseFile', ['everything']],
  ['shell', 'copyText', [{ toString: 'x' }]],
];

describe('the gate', () => {
  it.each(good)('lets %s.%s through with good arguments', async (service, method, args) => {
    const { api, calls } = recordingApi();
    expect(await answerCall(api, origin, page, [service, method, args])).toEqual({
      ok: true,
      value: `${service}.${method}`,
    });
    expect(calls).toEqual([[service, method, args]]);
  });

  it.each(bad)('refuses %s.%s with %j', async (service, method, args) => {
    const { api, calls } = recordingApi();
    expect(await answerCall(api, origin, page, [service, method, args])).toMatchObject({
      ok: false,
      failure: { code: 'app.refused', what: expect.stringContaining(`${service}.${method}`) as string },
    });
    expect(calls).toEqual([]);
  });

  const names = [
    ...Object.getOwnPropertyNames(Object.prototype),
    ...Object.getOwnPropertyNames(Function.prototype),
    'nothing',
    '',
    7,
    null,
    undefined,
    {},
    ['list'],
  ];
  it.each(names)('knows no method %j and no service of that name', async (name) => {
    const { api, calls } = recordingApi();
    for (const call of [
      ['machines', name, []],
      [name, 'list', []],
      [name, name, []],
    ]) {
      expect(await answerCall(api, origin, page, call)).toMatchObject({ ok: false, failure: { code: 'app.refused' } });
    }
    expect(calls).toEqual([]);
  });

  it.each([
    ['a frame inside the page', { origin, isPage: false }],
    ['another origin', { origin: 'https://stillframe', isPage: true }],
    ['an origin that only begins alike', { origin: 'app://stillframe.example', isPage: true }],
    ['a sandboxed frame', { origin: 'null', isPage: true }],
    ['a frame that is gone', { origin: '', isPage: false }],
  ])('refuses %s', async (_name, sender) => {
    const { api, calls } = recordingApi();
    expect(await answerCall(api, origin, sender, ['machines', 'list', []])).toMatchObject({
      ok: false,
      failure: { code: 'app.refused', what: 'this frame may not call' },
    });
    expect(calls).toEqual([]);
  });

  it('hands on a failure as it is, and any other error as an internal one', async () => {
    const { api } = recordingApi();
    const thrown = fail('machine.unknown', 'starting', 'there is no machine m1', 'Choose another.');
    const failing = (error: Error): AppApi => ({
      ...api,
      machines: { ...api.machines, start: () => Promise.reject(error) },
    });
    expect(await answerCall(failing(thrown), origin, page, ['machines', 'start', ['m1']])).toEqual({
      ok: false,
      failure: thrown.failure,
    });
    expect(await answerCall(failing(new Error('boom')), origin, page, ['machines', 'start', ['m1']])).toMatchObject({
      ok: false,
      failure: { code: 'internal', what: expect.stringContaining('boom') as string },
    });
  });
});
