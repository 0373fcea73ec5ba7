/** Questions about paths. */
import { lstat } from 'node:fs/promises';

/** Whether something has this name, be it a broken link. */
export const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );
