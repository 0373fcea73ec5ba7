import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { GENERATED, generateKernels } from './kernels.mjs';

it('the kernels that are bundled are what their source assembles to (npm run kernels)', async () => {
  expect(await readFile(GENERATED, 'utf8')).toBe(await generateKernels());
});
