/** The native engine: QEMU writes the mapped-ram file itself, through descriptors that it is handed. */
import type { Engine } from './engine';
import { prepareNative } from './prepare';
import { writeNative } from './write';

export const nativeEngine: Engine = {
  name: 'native',
  prepare: async (context) => {
    const prepared = await prepareNative(context);
    return {
      ...prepared,
      write: (clock) => writeNative(context, prepared, clock),
      finish: () => Promise.resolve(),
    };
  },
};
