import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { backportsFile, parseDeb822, parseOneLine, readSources } from './apt-sources.mjs';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

describe('the one-line style of apt sources', () => {
  it.each([
    ['deb http://mirror.test/debian bookworm main', 'bookworm', ['main'], {}],
    [
      'deb [signed-by=/k.gpg] http://mirror.test/debian bookworm main contrib',
      'bookworm',
      ['main', 'contrib'],
      { 'Signed-By': '/k.gpg' },
    ],
    [
      'deb [arch=amd64,i386 trusted=yes] http://mirror.test/debian sid main # mine',
      'sid',
      ['main'],
      { Architectures: 'amd64 i386', Trusted: 'yes' },
    ],
    ['  deb\thttp://mirror.test/debian\tbookworm\tmain', 'bookworm', ['main'], {}],
  ])('reads %j', (line, suite, components, options) => {
    expect(parseOneLine(line)).toEqual([{ uri: 'http://mirror.test/debian', suite, components, options }]);
  });

  it.each([
    '# deb http://mirror.test/debian bookworm main',
    'deb-src http://mirror.test/debian bookworm main',
    '',
    'debris',
  ])('passes over %j', (line) => expect(parseOneLine(line)).toEqual([]));
});

describe('the deb822 style of apt sources', () => {
  it('gives one source for every URI and suite, and skips comments inside a stanza', () => {
    const text = `Types: deb deb-src\n# a comment\nURIs: http://a.test/debian http://b.test/debian\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: ${KEYRING}\n`;
    expect(parseDeb822(text).map(({ uri, suite }) => `${uri} ${suite}`)).toEqual([
      'http://a.test/debian bookworm',
      'http://a.test/debian bookworm-updates',
      'http://b.test/debian bookworm',
      'http://b.test/debian bookworm-updates',
    ]);
  });

  it('keeps a key that is written into the file over several lines', () => {
    const text =
      'Types: deb\nURIs: http://a.test/debian\nSuites: bookworm\nComponents: main\nSigned-By:\n -----BEGIN\n .\n abc\n';
    const [source] = parseDeb822(text);
    expect(source?.options).toEqual({ 'Signed-By': '\n -----BEGIN\n .\n abc' });
  });

  it.each(['Types: deb-src', 'Types: deb\nEnabled: no', 'Types: deb\nEnabled: false'])(
    'passes over a stanza with %j',
    (head) => {
      expect(parseDeb822(`${head}\nURIs: http://a.test/debian\nSuites: bookworm\nComponents: main\n`)).toEqual([]);
    },
  );
});

describe('the backports of a release', () => {
  const own = {
    uri: 'http://a.test/debian',
    suite: 'bookworm',
    components: ['main'],
    options: { 'Signed-By': KEYRING },
  };

  it('come from the mirror and with the key of the release itself', () => {
    const text = backportsFile([{ ...own, uri: 'http://x.test', suite: 'bookworm-security' }, own], 'bookworm') ?? '';
    expect(parseDeb822(text)).toEqual([{ ...own, suite: 'bookworm-backports' }]);
  });

  it.each([
    ['only names its updates', { ...own, suite: 'bookworm-updates' }],
    ['has no main', { ...own, components: ['contrib'] }],
    ['is another release', { ...own, suite: 'trixie' }],
  ])('are not made up where the source %s', (_what, source) => {
    expect(backportsFile([source], 'bookworm')).toBeNull();
  });

  it('are found in every file that apt reads', async () => {
    const etc = await mkdtemp(join(tmpdir(), 'sf-apt-'));
    try {
      await mkdir(join(etc, 'sources.list.d'));
      await writeFile(join(etc, 'sources.list'), 'deb http://a.test/debian bookworm main\n');
      await writeFile(join(etc, 'sources.list.d', 'one.list'), 'deb http://b.test/debian bookworm-updates main\n');
      await writeFile(join(etc, 'sources.list.d', 'two.sources'), backportsFile([own], 'bookworm') ?? '');
      await writeFile(
        join(etc, 'sources.list.d', 'off.sources.disabled'),
        'Types: deb\nURIs: http://c.test\nSuites: x\n',
      );
      expect(readSources(etc).map(({ suite }) => suite)).toEqual([
        'bookworm',
        'bookworm-updates',
        'bookworm-backports',
      ]);
    } finally {
      await rm(etc, { recursive: true });
    }
  });
});
