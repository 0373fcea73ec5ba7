/** @typedef {import('./scan.mjs').Import} Import */

/** src-shared takes nothing from outside, but for the endpoint that comlink runs over. */
const SEES_COMLINK = /^src-shared\/contracts\/endpoint(-[a-z]+)?\.ts$/;

/** Only these see Electron; so all services run under plain Node. */
const SEES_ELECTRON = /^src-main\/(shell\/|index\.ts$)/;

/** Tests and what only tests use. */
const TEST = /\.test\.ts$/;
const TEST_PACKAGES = new Set(['vitest', 'node', 'happy-dom']);

/** @param {string} file */
const runtimeOf = (file) => file.split('/')[0] ?? '';

/** @param {string} specifier */
const isNode = (specifier) => specifier.startsWith('node:');

/**
 * What is wrong with one import; null when nothing is.
 * @param {Import} one
 * @returns {string | null}
 */
export function judge(one) {
  return one.file === null ? judgePackage(one, one.package ?? '') : judgeOwn(one, one.file);
}

/**
 * Imports point down: main, worker and renderer to shared, shared to nothing, and no runtime to another.
 * @param {Import} one
 * @param {string} file
 */
function judgeOwn(one, file) {
  const from = runtimeOf(one.from);
  const to = runtimeOf(file);
  if (from === to || to === 'src-shared') return null;
  if (TEST.test(one.from) && file.startsWith('test/support/')) return null;
  return `${from} may not import ${to}: they meet in src-shared/contracts`;
}

/**
 * @param {Import} one
 * @param {string} name
 */
function judgePackage(one, name) {
  const runtime = runtimeOf(one.from);
  if (name === 'electron') {
    return SEES_ELECTRON.test(one.from) ? null : 'electron is imported in src-main/shell and src-main/index.ts alone';
  }
  if (TEST.test(one.from) && (TEST_PACKAGES.has(name) || isNode(name))) return null;
  if (runtime === 'src-shared') {
    if (name === 'comlink' && SEES_COMLINK.test(one.from)) return null;
    return 'src-shared imports nothing outside itself';
  }
  if (runtime === 'src-renderer' && isNode(name)) return 'the renderer has no Node';
  return null;
}

/** Two files that everything stands on: each is a room of its own, else every room would lean on every other. */
const FOUNDATIONS = new Set(['src-shared/bytes/units.ts', 'src-shared/contracts/failure.ts']);

/**
 * The room a file belongs to: its folder below the runtime, or the file itself where it stands directly in it.
 * @param {string} file
 */
export function roomOf(file) {
  const [runtime, room, ...rest] = file.split('/');
  return FOUNDATIONS.has(file) || rest.length === 0 ? file : `${runtime}/${room}`;
}

/**
 * Rings of nodes that lean on one another, each named once, smallest node first.
 * @param {ReadonlyMap<string, ReadonlySet<string>>} graph
 * @returns {string[][]}
 */
export function cycles(graph) {
  /** @type {Map<string, 'open' | 'done'>} */
  const state = new Map();
  /** @type {string[]} */
  const path = [];
  /** @type {Map<string, string[]>} */
  const found = new Map();
  /** @param {string} node */
  const visit = (node) => {
    state.set(node, 'open');
    path.push(node);
    for (const next of graph.get(node) ?? []) {
      if (state.get(next) === 'open') {
        const ring = fromSmallest(path.slice(path.indexOf(next)));
        found.set(ring.join(' → '), ring);
      } else if (!state.has(next)) {
        visit(next);
      }
    }
    path.pop();
    state.set(node, 'done');
  };
  for (const node of [...graph.keys()].sort()) if (!state.has(node)) visit(node);
  return [...found.values()];
}

/** @param {string[]} ring */
function fromSmallest(ring) {
  const at = ring.indexOf([...ring].sort()[0] ?? '');
  return [...ring.slice(at), ...ring.slice(0, at)];
}

/**
 * Who leans on whom, when each file is called by `name`.
 * @param {readonly Import[]} imports
 * @param {(file: string) => string} name
 */
export function graphOf(imports, name) {
  /** @type {Map<string, Set<string>>} */
  const graph = new Map();
  for (const { from, file } of imports) {
    // A test may use any room; nothing leans on a test.
    if (file === null || TEST.test(from) || name(from) === name(file)) continue;
    const targets = graph.get(name(from)) ?? new Set();
    graph.set(name(from), targets.add(name(file)));
  }
  return graph;
}
