/** What a worker (utility process in the app, worker thread under the CLI) does for main. Implemented by src-worker. */
import type { ChannelApi } from './channels';
import type { DevicesPage, DeviceTreesPage } from './devices';
import type { ExploreApi } from './explore';
import type { RamRange } from './library';
import type {
  InspectReport,
  LocateQuery,
  LocateReport,
  StructureNode,
  TranslateQuery,
  TranslateReport,
} from './inspect';
import type { PlaceReport } from './inspector-places';
import type { Lease } from './lease';
import type { RamFilesApi } from './ram-files';
import type { TransferApi } from './transfer';
import type { SyntheticApi } from './synthetic';

export type { Lease } from './lease';

export interface SavedCheck {
  /** The stream parsed to its end and every present page has data under it. */
  readonly ok: boolean;
  /** What is wrong, when it is not ok: a sentence each. */
  readonly wrong: readonly string[];
  /** False on a file system that cannot tell holes from data: lost writes cannot be ruled out there. */
  readonly holesKnown: boolean;
  readonly report: InspectReport;
}

/** The steps that `SavesApi` asks for. Small steps, so that a cancel is never far away and progress needs no callback. */
export interface WorkerApi extends ChannelApi, ExploreApi, RamFilesApi, SyntheticApi, TransferApi {
  /** Answers with the worker's pid; proves it is alive. */
  hello(): Promise<{ readonly pid: number }>;
  inspect(lease: Lease): Promise<InspectReport>;
  /** Whether the VM ran when it was saved, as a libvirt image's header says; null for a plain QEMU stream. */
  wasRunning(lease: Lease): Promise<boolean | null>;
  locate(lease: Lease, query: LocateQuery, ramMap: readonly RamRange[]): Promise<LocateReport>;
  /** Where a guest-virtual address is, by the guest's own page tables. */
  translate(lease: Lease, query: TranslateQuery, ramMap: readonly RamRange[]): Promise<TranslateReport>;
  /** Where a page, an offset or a guest-physical address is, with its guest-virtual address on a CPU's page tables. */
  place(lease: Lease, query: LocateQuery, cpu: number, ramMap: readonly RamRange[]): Promise<PlaceReport>;
  /** The structure tree; the fields of devices are not in it (`deviceTrees`). */
  tree(lease: Lease): Promise<readonly StructureNode[]>;
  /** What belongs under the devices of the tree, from device number `from` on. */
  deviceTrees(lease: Lease, from: number): Promise<DeviceTreesPage>;
  /** The devices' fields as JSON, from device number `from` on. */
  devices(lease: Lease, from: number): Promise<DevicesPage>;
  /** After QEMU's `completed`: parses to the end and looks for present pages without bytes. */
  checkSaved(lease: Lease): Promise<SavedCheck>;
  /** Writes back one range and waits for it (sync_file_range). */
  writeBack(lease: Lease, offset: number, length: number): Promise<void>;
  /** fdatasync of the file. */
  dataSync(lease: Lease): Promise<void>;
  /** fsync of a folder, by path. */
  syncFolder(path: string): Promise<void>;
}
