/** Everything a worker does for those who look into the guest's memory in a file. Implemented by src-worker. */
import type { DiffApi } from './diff';
import type { MethodNames } from './endpoint';
import type { GuestBytesApi } from './guest-bytes';
import type { PageScanApi } from './page-scan';
import type { SearchApi } from './search';
import type { StringsApi } from './strings';

export interface ExploreApi extends DiffApi, GuestBytesApi, PageScanApi, SearchApi, StringsApi {}

export const exploreMethods: MethodNames<ExploreApi> = {
  openSearch: true,
  searchUnit: true,
  closeSearch: true,
  ramMap: true,
  guestBytes: true,
  fileBytes: true,
  openStrings: true,
  stringsUnit: true,
  closeStrings: true,
  openDiff: true,
  diffUnit: true,
  closeDiff: true,
  diffDevices: true,
  openPages: true,
  classifyPages: true,
  hashPages: true,
  digestPages: true,
  closePages: true,
};
