import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { generatedOf, generateKernels, ROOMS } from './kernels.mjs';

it.each(ROOMS)(
  'the kernels of %s that are bundled are what their source assembles to (npm run kernels)',
  async (room) => {
    expect(await readFile(generatedOf(room), 'utf8')).toBe(await generateKernels(room));
  },
);
