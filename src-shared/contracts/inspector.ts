/** Everything that the page may ask of the worker behind an open inspector, over the inspector's own port. */
import type { MethodNames } from './endpoint';
import { inspectorCodeMethods, type InspectorCodeApi } from './inspector-code';
import { inspectorCompareMethods, type InspectorCompareApi } from './inspector-compare';
import { inspectorFindMethods, type InspectorFindApi } from './inspector-find';
import { inspectorLeadsMethods, type InspectorLeadsApi } from './inspector-leads';
import { inspectorPagesMethods, type InspectorPagesApi } from './inspector-pages';
import { inspectorPlacesMethods, type InspectorPlacesApi } from './inspector-places';
import { inspectorPortMethods, type InspectorPort } from './inspector-port';
import { inspectorStringsMethods, type InspectorStringsApi } from './inspector-strings';

export interface Inspector
  extends
    InspectorLeadsApi,
    InspectorPort,
    InspectorCodeApi,
    InspectorCompareApi,
    InspectorFindApi,
    InspectorPagesApi,
    InspectorPlacesApi,
    InspectorStringsApi {}

/** The methods a port may be asked for, and nothing else. */
export const inspectorMethods: MethodNames<Inspector> = {
  ...inspectorPortMethods,
  ...inspectorCodeMethods,
  ...inspectorFindMethods,
  ...inspectorPagesMethods,
  ...inspectorPlacesMethods,
  ...inspectorLeadsMethods,
  ...inspectorCompareMethods,
  ...inspectorStringsMethods,
};
