import { expect, it } from 'vitest';
import { fileArgument } from './arguments';

it.each([
  ['unpackaged, without a file', ['electron', '/app'], false, null],
  ['unpackaged, with a file', ['electron', '/app', 'a.mapped'], false, '/home/a.mapped'],
  ['unpackaged, as the folder one stands in', ['electron', '--inspect=0', '../app', '/x/b'], false, '/x/b'],
  ['started by Playwright', ['electron', '-r', '/loader.js', '--no-sandbox', '/app', 'c'], false, '/home/c'],
  ['unpackaged, when the app cannot be told from a file', ['electron', '/other', 'a'], false, null],
  ['packaged, without a file', ['/opt/stillframe'], true, null],
  ['packaged, with options and a file', ['/opt/stillframe', '--no-sandbox', 'sub/d'], true, '/home/sub/d'],
  ['packaged, with options only', ['/opt/stillframe', '--no-sandbox', ''], true, null],
])('finds the file to inspect: %s', (_name, argv, packaged, expected) => {
  expect(fileArgument(argv, '/app', packaged, '/home')).toBe(expected);
});
