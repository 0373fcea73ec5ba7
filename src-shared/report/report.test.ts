import { describe, expect, test } from 'vitest';
import { fileReport, reportJson } from './file-report';
import { reportMarkdown } from './markdown';
import { markdownText } from './markdown-text';
import { exampleFacts } from './report.fixture';

/** Cells of a line of a table: what stands between bars that are not escaped. */
const cells = (line: string): string[] => line.split(/(?<!\\)(?:\\\\)*\|/).slice(1, -1);

/** Every table of a document, as lines. */
const tables = (document: string): string[][] =>
  document.split('\n\n').flatMap((part) => (part.startsWith('| ') ? [part.trimEnd().split('\n')] : []));

const HOSTILE = [
  'a|b',
  'line\nbreak',
  'tab\tand\u0000nul',
  '`code`',
  '<script>alert(1)</script>',
  '[x](javascript:y)',
  '**bold**',
  '\\|',
  '\\',
  '# head',
  '\u2028',
  '\u202egnirts',
  'www.example.org https://example.org a@example.org',
  '$x$ &amp; ~~x~~',
];

describe('a report as Markdown', () => {
  test('has tables of everything, with places', () => {
    const text = reportMarkdown(fileReport(exampleFacts()));
    expect(text).toContain('# memory.mapped\n\n| Fact | Value |\n| --- | --- |\n| File | /vm/memory.mapped |');
    expect(text).toContain('| Size | 3 MiB (3145728 bytes) |');
    expect(text).toContain('| Digests | no |');
    expect(text).toContain('## Findings\n\nNone.');
    expect(text).toContain('| pc.ram | 1 MiB | 4096 | 256 | 17 | 4 | 0 | 0x60 | 0x6f | 0x8b | 0x100000 |');
    expect(text).toContain('Worked out from the machine type');
    expect(text).toContain('| timer | 0 | 2 | 0x200000 | 40 | 0x200012 | 24 | described |');
    expect(text).toContain('| 0x200000 | full | 3 | timer | 0 | 2 |');
  });

  test('tells which QEMU saved it and its digests where there is a snapshot', () => {
    const text = reportMarkdown(
      fileReport(
        exampleFacts({
          snapshot: {
            name: 'before',
            machineName: 'deb13',
            savedAt: '2026-11-23T14:00:00.000Z',
            qemuVersion: '10.0.2',
            accelerator: 'tcg',
            cpuModel: null,
            cpus: 2,
            engine: 'channels',
            mode: 'live',
            digests: { algorithm: 'xxh3-64', unitBytes: 2 ** 20, file: 'digests.bin' },
          },
        }),
      ),
    );
    expect(text).toContain('| QEMU | 10.0.2 |');
    expect(text).toContain('| Digests | yes: xxh3-64 of every 1 MiB, in digests.bin |');
  });

  test.each(HOSTILE)('stays a document with %j as every name in it', (name) => {
    const facts = exampleFacts();
    const { inspected, devices } = facts;
    const text = reportMarkdown(
      fileReport({
        ...facts,
        inspected: {
          ...inspected,
          file: name,
          machine: name,
          capabilities: [name],
          ramBlocks: inspected.ramBlocks.map((block) => ({ ...block, name })),
          sections: inspected.sections.map((section) => ({ ...section, name })),
          problems: [{ code: 'bad-value', severity: 'warning', offset: 7, message: name }],
        },
        devices: devices.map((device) => ({ ...device, name })),
      }),
    );
    const found = tables(text);
    expect(found.map((lines) => lines.length)).toEqual([12, 3, 3, 3, 3]);
    for (const [head = '', ...rows] of found) {
      for (const row of rows) expect(cells(row)).toHaveLength(cells(head).length);
    }
    expect(text).not.toMatch(/[^\P{C}\n]/u);
    expect(text.split('\n').filter((line) => line.startsWith('#'))).toHaveLength(6);
    expect(text).not.toMatch(/(?<!\\)[<`&@$]|https:|www\./);
  });

  test('calls a lost write an error and says how many', () => {
    const report = fileReport(exampleFacts({ allocation: [{ stale: 0, lost: 3 }] }));
    expect(report.problems.map(({ code, offset }) => [code, offset])).toEqual([['lost-write', 2 ** 20]]);
    expect(reportMarkdown(report)).toContain(
      '- **Error** at 0x100000: 3 present pages of pc.ram have no bytes on disk: a write was lost.',
    );
  });

  test('leaves empty what nobody knows', () => {
    const text = reportMarkdown(
      fileReport(exampleFacts({ allocation: [null], ramMap: { source: 'none', ranges: [] } })),
    );
    expect(text).toContain('| 17 |  |  | 0x60 |');
    expect(text).toContain('## Guest-physical addresses\n\nNot known.');
  });
});

test('a report as JSON is the report', () => {
  const report = fileReport(exampleFacts());
  expect(JSON.parse(reportJson(report))).toEqual(report);
});

test.each([
  ['0000:00:02.0/e1000e', '0000:00:02.0/e1000e'],
  ['pc.ram', 'pc.ram'],
  ['/rom@etc/acpi', '/rom\\@etc/acpi'],
  ['cpu_common', 'cpu_common'],
  ['_all_ of it', '\\_all\\_ of it'],
  ['https://a.b', 'https\\://a.b'],
  ['WWW.a.b', 'WWW\\.a.b'],
])('%s is written %s', (text, written) => expect(markdownText(text)).toBe(written));
