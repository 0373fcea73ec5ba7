import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * One place that apt fetches packages from.
 * @typedef {object} AptSource
 * @property {string} uri
 * @property {string} suite
 * @property {readonly string[]} components
 * @property {Readonly<Record<string, string>>} options   deb822 names: `Signed-By`, `Architectures`, `Trusted` …
 */

/** The options that say how a mirror is trusted and used: those that hold for another suite of the same mirror. */
const CARRIED_OPTIONS = ['Signed-By', 'Trusted', 'Architectures', 'Check-Valid-Until'];

/**
 * The one-line style: `deb [signed-by=…] URI SUITE COMPONENT…`.
 * @param {string} text
 * @returns {AptSource[]}
 */
export function parseOneLine(text) {
  const sources = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)([^#]*)/.exec(line);
    if (!match) continue;
    const [, optionText = '', uri = '', suite = '', rest = ''] = match;
    /** @type {Record<string, string>} */
    const options = {};
    for (const option of optionText.split(/\s+/).filter(Boolean)) {
      const [key = '', value = ''] = option.split('=');
      const name = CARRIED_OPTIONS.find((known) => known.toLowerCase() === (key === 'arch' ? 'architectures' : key));
      if (name) options[name] = value.replaceAll(',', name === 'Signed-By' ? ',' : ' ');
    }
    sources.push({ uri, suite, components: rest.split(/\s+/).filter(Boolean), options });
  }
  return sources;
}

/**
 * The deb822 style: stanzas of fields.
 * @param {string} text
 * @returns {AptSource[]}
 */
export function parseDeb822(text) {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = stanzaFields(stanza);
    const words = (/** @type {string} */ name) => (fields[name] ?? '').split(/\s+/).filter(Boolean);
    if (!words('types').includes('deb') || /^(no|false|off|0)$/i.test(fields.enabled ?? 'yes')) return [];
    const options = Object.fromEntries(
      CARRIED_OPTIONS.flatMap((name) => {
        const value = fields[name.toLowerCase()];
        return value === undefined ? [] : [[name, value]];
      }),
    );
    return words('uris').flatMap((uri) =>
      words('suites').map((suite) => ({ uri, suite, components: words('components'), options })),
    );
  });
}

/**
 * Field names in lower case; a value keeps the lines it is folded over (an inline key).
 * @param {string} stanza
 * @returns {Record<string, string>}
 */
function stanzaFields(stanza) {
  /** @type {Record<string, string>} */
  const fields = {};
  let name = '';
  for (const line of stanza.split('\n')) {
    if (line.startsWith('#') || line.trim() === '') continue;
    const field = /^([A-Za-z][\w-]*):\s*(.*)$/.exec(line);
    if (field) {
      name = (field[1] ?? '').toLowerCase();
      fields[name] = field[2] ?? '';
    } else if (name) {
      fields[name] = `${fields[name] ?? ''}\n${line}`;
    }
  }
  return fields;
}

/**
 * Every enabled source of binary packages.
 * @param {string} [etc]  apt's configuration folder
 * @returns {AptSource[]}
 */
export function readSources(etc = '/etc/apt') {
  const read = (/** @type {string} */ file) => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return '';
    }
  };
  /** @type {string[]} */
  let parts = [];
  try {
    parts = readdirSync(join(etc, 'sources.list.d')).sort();
  } catch {
    // No such folder.
  }
  const inFolder = (/** @type {string} */ end) =>
    parts.filter((file) => file.endsWith(end)).map((file) => read(join(etc, 'sources.list.d', file)));
  return [
    ...[read(join(etc, 'sources.list')), ...inFolder('.list')].flatMap(parseOneLine),
    ...inFolder('.sources').flatMap(parseDeb822),
  ];
}

/**
 * A sources file for the backports of a release, on the mirror that this machine uses for the release itself.
 * @param {readonly AptSource[]} sources
 * @param {string} codename   e.g. `bookworm`
 * @returns {string | null}   null when no source names the release
 */
export function backportsFile(sources, codename) {
  const release = sources.find(({ suite, components }) => suite === codename && components.includes('main'));
  if (!release) return null;
  const options = Object.entries(release.options).map(([name, value]) => `${name}: ${value}`);
  return [
    '# Added by the set-up of Stillframe: the QEMU of the release itself is older than 9.0.',
    'Types: deb',
    `URIs: ${release.uri}`,
    `Suites: ${codename}-backports`,
    'Components: main',
    ...options,
    '',
  ].join('\n');
}
