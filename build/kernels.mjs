// Assembles each kernels.wat into a TypeScript file beside it that holds the module, so that it reaches every bundle as code.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { format, resolveConfig } from 'prettier';
import initWabt from 'wabt';
import { ROOT } from './setup/say.mjs';

/** Rooms of the worker that have a kernels.wat. */
export const ROOMS = ['pages', 'search', 'diff', 'strings', 'page-scan'];

/**
 * Where the generated file of a room is.
 * @param {string} room
 */
export const generatedOf = (room) => join(ROOT, 'src-worker', room, 'kernels.generated.ts');

/**
 * The text of a room's generated file, from its source.
 * @param {string} room
 * @returns {Promise<string>}
 */
export async function generateKernels(room) {
  const wabt = await initWabt();
  const source = join(ROOT, 'src-worker', room, 'kernels.wat');
  const generated = generatedOf(room);
  const parsed = wabt.parseWat(source, await readFile(source, 'utf8'), { simd: true, bulk_memory: true });
  try {
    parsed.resolveNames();
    parsed.validate();
    const base64 = Buffer.from(parsed.toBinary({}).buffer).toString('base64');
    const lines = (base64.match(/.{1,100}/gu) ?? []).map((line) => `'${line}'`);
    const text = `/** kernels.wat, assembled by build/kernels.mjs: base64. */
      export const KERNELS_WASM = [${lines.join(', ')}].join('');`;
    return await format(text, { ...(await resolveConfig(generated)), filepath: generated });
  } finally {
    parsed.destroy();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const room of ROOMS) {
    await writeFile(generatedOf(room), await generateKernels(room));
    console.log(`${generatedOf(room)} is written`);
  }
}
