import type { ExploreApi } from '@shared/contracts/explore';
import { createDiff } from './diff/service';
import { guestBytesApi } from './guest/bytes';
import { createPageScan } from './page-scan/service';
import { createSearch } from './search/service';
import { createStrings } from './strings/service';

/** What one worker has open for those who look into the guest's memory: at most one of each kind. */
export const createExplorer = (): ExploreApi => ({
  ...createSearch(),
  ...createStrings(),
  ...createDiff(),
  ...createPageScan(),
  ...guestBytesApi,
});
