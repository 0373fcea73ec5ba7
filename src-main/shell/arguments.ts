import { resolve } from 'node:path';

/**
 * The file that the app was started with, as an absolute path; null when there is none.
 *
 * Unpackaged, the command line is `electron [electron's own options] APP [arguments]`, where APP names the app's folder;
 * only what follows it is the person's.
 */
export function fileArgument(argv: readonly string[], appPath: string, packaged: boolean, cwd: string): string | null {
  const at = packaged ? 0 : argv.findIndex((argument, index) => index > 0 && resolve(cwd, argument) === appPath);
  if (at < 0) return null;
  const given = argv.slice(at + 1).find((argument) => argument !== '' && !argument.startsWith('-'));
  return given === undefined ? null : resolve(cwd, given);
}
