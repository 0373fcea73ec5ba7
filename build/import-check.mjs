// Who may import whom. The rules are those of ARCHITECTURE.md, "Import rules".
import { pathToFileURL } from 'node:url';
import { cycles, graphOf, judge, roomOf } from './imports/rules.mjs';
import { scan } from './imports/scan.mjs';
import { ROOT } from './setup/say.mjs';

/** The renderer's rooms share one context, which knows them all; they are exempt from the rule about rooms. */
const RENDERER = 'src-renderer/';

/**
 * @param {string} root
 * @returns {{ files: number, imports: number, wrong: readonly string[] }}
 */
export function checkImports(root) {
  const { files, imports } = scan(root);
  const wrong = imports.flatMap((one) => {
    const verdict = judge(one);
    return verdict === null ? [] : [`${one.from}:${one.line}: '${one.specifier}': ${verdict}`];
  });
  // Two files whose types name each other are one thought in two files; two that need each other to load are a knot.
  const loaded = imports.filter(({ typeOnly }) => !typeOnly);
  const inRooms = imports.filter(({ from }) => !from.startsWith(RENDERER));
  const rings = [
    ...cycles(graphOf(loaded, (file) => file)).map((ring) => ({ what: 'files', ring })),
    ...cycles(graphOf(inRooms, roomOf)).map((ring) => ({ what: 'rooms', ring })),
  ];
  for (const { what, ring } of rings) wrong.push(`${what} import each other: ${[...ring, ring[0]].join(' → ')}`);
  return { files: files.length, imports: imports.length, wrong };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { files, imports, wrong } = checkImports(ROOT);
  for (const line of wrong) console.error(line);
  console.log(`${imports} imports in ${files} files, ${wrong.length} against the rules`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
}
