import { readFileSync, readdirSync } from 'node:fs';
import { dirname, extname, join, posix } from 'node:path';
import ts from 'typescript';

/** Folder name = runtime. */
export const RUNTIMES = /** @type {const} */ (['src-shared', 'src-main', 'src-worker', 'src-renderer']);

const SHARED_ALIAS = '@shared/';
const SCANNED = new Set(['.ts', '.svelte']);

/**
 * @typedef {object} Import
 * @property {string} from        the importing file, from the root, with slashes
 * @property {number} line
 * @property {string} specifier   as written
 * @property {string | null} file     the imported file when it is one of ours, from the root; null for packages
 * @property {string | null} package  the package's name, or `node:x`; null for our own files
 * @property {boolean} typeOnly   gone at run time
 */

/**
 * Every import of every source file below the runtimes' folders.
 * @param {string} root
 * @returns {{ files: readonly string[], imports: readonly Import[] }}
 */
export function scan(root) {
  const files = RUNTIMES.flatMap((runtime) => filesBelow(root, runtime));
  const known = new Set(files);
  return { files, imports: files.flatMap((file) => importsOf(root, file, known)) };
}

/**
 * @param {string} root
 * @param {string} folder
 * @returns {string[]}
 */
function filesBelow(root, folder) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && SCANNED.has(extname(entry.name)))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}

/**
 * @param {string} root
 * @param {string} from
 * @param {ReadonlySet<string>} known
 * @returns {Import[]}
 */
function importsOf(root, from, known) {
  const text = readFileSync(join(root, from), 'utf8');
  return scripts(from, text).flatMap(({ code, firstLine }) =>
    specifiers(code).map(({ specifier, line, typeOnly }) => {
      const file = ownFile(from, specifier, known);
      const name = file === null ? packageOf(specifier) : null;
      return { from, line: firstLine + line, specifier, file, package: name, typeOnly };
    }),
  );
}

/**
 * Every module named in a piece of TypeScript: import and export declarations, `import()`, `import('x').T`.
 * @param {string} code
 * @returns {{ specifier: string, line: number, typeOnly: boolean }[]}   `line` counts from 0
 */
function specifiers(code) {
  const source = ts.createSourceFile('module.ts', code, ts.ScriptTarget.Latest, false);
  /** @type {ReturnType<typeof specifiers>} */
  const found = [];
  /** @type {(node: ts.Node | undefined, typeOnly: boolean) => void} */
  const add = (node, typeOnly) => {
    if (!node || !ts.isStringLiteralLike(node)) return;
    found.push({ specifier: node.text, line: source.getLineAndCharacterOfPosition(node.end).line, typeOnly });
  };
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (ts.isImportDeclaration(node))
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    else if (ts.isCallExpression(node) && isModuleCall(node)) add(node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** `import(…)` or `require(…)`. @param {ts.CallExpression} call */
function isModuleCall({ expression }) {
  return (
    expression.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(expression) && expression.text === 'require')
  );
}

/**
 * The scripts of a file, with the number of the line that each starts on.
 * @param {string} file
 * @param {string} text
 * @returns {{ code: string, firstLine: number }[]}
 */
function scripts(file, text) {
  if (extname(file) !== '.svelte') return [{ code: text, firstLine: 1 }];
  return [...text.matchAll(/<script\b[^>]*>([\s\S]*?)<\/script>/g)].map((match) => ({
    code: match[1] ?? '',
    firstLine: text.slice(0, match.index + match[0].indexOf('>') + 1).split('\n').length,
  }));
}

/**
 * The file of ours that a specifier names, whether it exists or not (a missing one is the type check's to report); null
 * for a package.
 * @param {string} from
 * @param {string} specifier
 * @param {ReadonlySet<string>} known
 */
function ownFile(from, specifier, known) {
  const path = specifier.startsWith('.')
    ? posix.join(dirname(from), specifier)
    : specifier.startsWith(SHARED_ALIAS)
      ? posix.join('src-shared', specifier.slice(SHARED_ALIAS.length))
      : null;
  if (path === null) return null;
  const plain = path.replace(/\.js$/, '');
  return [path, `${path}.ts`, `${plain}.ts`, `${path}/index.ts`].find((candidate) => known.has(candidate)) ?? path;
}

/** `node:fs/promises` and `electron/main` by the name before the slash. @param {string} specifier */
function packageOf(specifier) {
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}
