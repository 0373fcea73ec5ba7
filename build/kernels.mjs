// Assembles src-worker/pages/kernels.wat into a TypeScript file that holds the module, so that it reaches every bundle as code.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { format, resolveConfig } from 'prettier';
import initWabt from 'wabt';
import { ROOT } from './setup/say.mjs';

const SOURCE = join(ROOT, 'src-worker/pages/kernels.wat');
export const GENERATED = join(ROOT, 'src-worker/pages/kernels.generated.ts');

/**
 * The generated file's text, from its source.
 * @returns {Promise<string>}
 */
export async function generateKernels() {
  const wabt = await initWabt();
  const parsed = wabt.parseWat(SOURCE, await readFile(SOURCE, 'utf8'), { simd: true, bulk_memory: true });
  try {
    parsed.resolveNames();
    parsed.validate({ simd: true, bulk_memory: true });
    const base64 = Buffer.from(parsed.toBinary({}).buffer).toString('base64');
    const lines = (base64.match(/.{1,100}/gu) ?? []).map((line) => `'${line}'`);
    const text = `/** kernels.wat, assembled by build/kernels.mjs: base64. */
      export const KERNELS_WASM = [${lines.join(', ')}].join('');`;
    return await format(text, { ...(await resolveConfig(GENERATED)), filepath: GENERATED });
  } finally {
    parsed.destroy();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await writeFile(GENERATED, await generateKernels());
  console.log(`${GENERATED} is written`);
}
