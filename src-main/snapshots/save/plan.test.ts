import { describe, expect, test } from 'vitest';
import { whyBlocked, whyNoSpace, type VmReading } from './plan';

/** A VM that can be saved, as far as `whyBlocked` looks at it. */
const able = {
  qmp: { version: '10.0.2' },
  capabilities: new Map([['mapped-ram', false]]),
  parameters: { 'multifd-compression': 'none', 'tls-creds': '' },
  migration: { status: 'none', 'blocked-reasons': [] as string[] },
  runState: { status: 'running', running: true },
};

const why = (change: Partial<Record<keyof typeof able, object>>) =>
  whyBlocked({ ...able, ...change } as unknown as VmReading)?.failure ?? null;

describe('why a VM cannot be saved', () => {
  test('nothing, when nothing speaks against it', () => {
    expect(why({})).toBeNull();
    for (const status of ['completed', 'failed', 'cancelled'])
      expect(why({ migration: { status, 'blocked-reasons': [] } }), status).toBeNull();
    for (const status of ['paused', 'prelaunch', 'suspended', 'io-error', 'guest-panicked'])
      expect(why({ runState: { status, running: false } }), status).toBeNull();
  });

  test('neither an old QEMU nor compression nor TLS: other engines than QEMU itself do not mind', () => {
    expect(why({ capabilities: new Map(), qmp: { version: '7.2.22' } })).toBeNull();
    expect(why({ parameters: { 'multifd-compression': 'zlib', 'tls-creds': 'tls0' } })).toBeNull();
  });

  test.each(['setup', 'active', 'device', 'cancelling', 'pre-switchover', 'postcopy-active', 'colo', 'a-later-state'])(
    'a migration is %s',
    (status) => {
      expect(why({ migration: { status, 'blocked-reasons': [] } })?.what).toContain(`under way (${status})`);
    },
  );

  test("QEMU's own reason, without its full stop", () => {
    expect(why({ migration: { status: 'none', 'blocked-reasons': ['nvme cannot.', 'more'] } })).toMatchObject({
      code: 'save.blocked',
      what: 'nvme cannot',
    });
  });
});

describe('space', () => {
  test('is enough when the most that can be written fits, to the byte', () => {
    expect(whyNoSpace({ atMost: 100, free: 100 }, '/x')).toBeNull();
    expect(whyNoSpace({ atMost: 2 ** 30, free: 2 ** 20 }, '/x')?.failure).toMatchObject({
      code: 'file.no-space',
      what: 'The snapshot takes up to 1024 MiB and 1 MiB are free',
      where: { path: '/x' },
    });
  });
});
