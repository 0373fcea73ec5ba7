/** One file that is open in the inspector, with everything that is known of it and where the person is in it. */
import type { InspectorSession } from '@shared/contracts/app';
import type { BookmarksApi } from '@shared/contracts/bookmarks';
import type { ConversionOptions } from '@shared/contracts/conversions';
import { failureOf, type Failure } from '@shared/contracts/failure';
import type { Problem, StructureNode } from '@shared/contracts/inspect';
import type { Inspector } from '@shared/contracts/inspector';
import type { InspectedFile, PageRun } from '@shared/contracts/inspector-port';
import { guestPhysicalOf } from '@shared/ram-map/places';
import { count } from '../lib/format';
import { Comparison } from './compare/comparison.svelte';
import { FieldNodes } from './tree/field-nodes.svelte';
import { DevicesState } from './devices/devices-state.svelte';
import { FindState } from './find/find-state.svelte';
import { CodeState } from './bytes/code-state.svelte';
import { firstLook } from './bytes/asked-layout';
import { HexState } from './bytes/hex-state.svelte';
import { ScrollMove } from './bytes/painter/scroll-move.svelte';
import { startPainter } from './bytes/painter/start-painter';
import { PointerState } from './bytes/pointer-state.svelte';
import { grownTree, parentOfMore } from './tree/lazy-nodes';
import { MarksState } from './marks/marks-state.svelte';
import { pageBlocksOf } from './pages/page-block';
import { PagesState } from './pages/pages-state.svelte';
import { PlaceState, type PlaceView } from './places/place-state.svelte';
import { StringsState } from './strings/strings-state.svelte';
import { ToldCursor } from './told-cursor.svelte';
import { VALUE_BYTES } from './bytes/values';
import { decidedBy, leafAt, structureOf, type Leaf, type Structure } from './tree/structure';
import { openAtFirst, type PageNode } from './tree/tree-rows';

/** Bytes at the cursor that the panel reads: enough for every number and a short text. */
export const CURSOR_BYTES = VALUE_BYTES + 24;

/** A connection to the worker that reads a file, as `openInspector` of the client gives it. */
export interface InspectorConnection {
  readonly session: InspectorSession;
  readonly api: Inspector;
  readonly painterPort: MessagePort;
  readonly bookmarks: BookmarksApi;
  readonly ended: Promise<Failure>;
  close(): Promise<void>;
}

/** Where the cursor is in guest memory. */
export interface PagePlace {
  readonly pages: PageRun;
  readonly page: number;
  readonly within: number;
}

export class OpenFile {
  readonly session: InspectorSession;
  readonly file: InspectedFile;
  readonly structure: Structure;
  readonly hex: HexState;
  /** Where the cursor is, for all that stands beside the bytes. */
  readonly told: ToldCursor;
  /** Dragging the hex view's scroll bar. */
  readonly move: ScrollMove;
  readonly fields: FieldNodes;
  /** Looking for something in the guest's memory. */
  readonly find: FindState;
  /** Where the cursor is, in every way of saying it. */
  readonly places: PlaceState;
  readonly marks: MarksState;
  /** The pages of the blocks, as the Pages view shows them. */
  readonly pages: PagesState;
  readonly devices: DevicesState;
  readonly strings: StringsState;
  /** Where the bytes at the cursor lead. */
  readonly pointers: PointerState;
  /** The instructions at the cursor. */
  readonly code: CodeState;
  readonly #connection: InspectorConnection;

  /** What went wrong first while looking around. */
  failure = $state.raw<Failure | null>(null);
  /** The worker is gone: nothing more can be read. */
  ended = $state(false);
  openNodes = $state.raw<ReadonlySet<string>>(new Set());
  /** The file that this one is compared with, and what differs; null while it is compared with none. */
  comparison = $state.raw<Comparison | null>(null);

  /** The region of the structure that the cursor is in. */
  readonly region: Leaf | null = $derived.by(() => leafAt(this.structure, this.told.offset));
  /** The same down to the device's field, as soon as that is known. */
  readonly leaf: Leaf | null = $derived.by(() => withFields(this.region, this.fields.around, this.told.offset));
  /** What is drawn over the bytes: the structure with the fields that have come. */
  readonly drawn: Structure = $derived.by(() =>
    this.fields.loaded.size === 0
      ? this.structure
      : { ...this.structure, leaves: structureOf(grownTree(this.structure.roots, this.fields.loaded)).leaves },
  );
  readonly decider: Leaf | null = $derived.by(() => decidedBy(this.structure, this.told.offset));
  readonly place: PagePlace | null = $derived.by(() => {
    const pages = this.told.segment?.pages ?? null;
    if (pages === null) return null;
    const inBlock = this.told.offset - pages.pagesOffset;
    return { pages, page: Math.floor(inBlock / pages.pageSize), within: inBlock % pages.pageSize };
  });
  /** Guest-physical address of the cursor; null where it is in no page, or the RAM map does not know it. */
  readonly guestPhysical: number | null = $derived.by(() =>
    this.place === null ? null : this.#guestPhysicalIn(this.place.pages, this.told.offset),
  );
  readonly pageNode: PageNode | null = $derived.by(() => {
    const [node, place] = [this.leaf?.node, this.place];
    return node?.kind === 'pages' && place !== null ? { parent: node.id, node: nodeOf(node, place) } : null;
  });

  private constructor(connection: InspectorConnection, file: InspectedFile, roots: readonly StructureNode[]) {
    this.#connection = connection;
    this.session = connection.session;
    this.file = file;
    this.structure = structureOf(roots);
    this.openNodes = new Set(openAtFirst(roots));
    this.hex = new HexState(connection.api, file.size, this.structure, (error) => this.fail(error));
    this.told = new ToldCursor(this.hex);
    this.move = new ScrollMove(this.hex, connection.painterPort, startPainter);
    this.pointers = new PointerState(connection.api);
    this.code = new CodeState(connection.api);
    this.fields = new FieldNodes(connection.api, (error) => this.fail(error));
    this.pages = new PagesState(connection.api, pageBlocksOf(file.report), (error) => this.fail(error));
    this.find = new FindState(connection.api, ({ fileOffset, length }) => this.hex.goTo(fileOffset, length));
    this.marks = new MarksState(connection.bookmarks, connection.session.path);
    this.places = new PlaceState(connection.api, this.#placeView());
    this.devices = new DevicesState(connection.api, roots, file.report, (error) => this.fail(error));
    this.strings = new StringsState(connection.api);
    void connection.ended.then((failure) => {
      this.failure = failure;
      this.ended = true;
      this.move.close();
    });
  }

  /** Asks for the file's facts and its first rows. Closes the connection when it fails. */
  static async open(connection: InspectorConnection): Promise<OpenFile> {
    try {
      const { api } = connection;
      const [file, roots, look] = await Promise.all([api.file(), api.tree(), firstLook(api)]);
      const opened = new OpenFile(connection, file, roots);
      await opened.hex.start(look);
      void opened.places.start();
      // A file is looked into all the same when its bookmarks cannot be read.
      void opened.marks.start().catch((error: unknown) => opened.fail(error));
      return opened;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** What is wrong or odd with the file. That it is no stream at all is the one finding such a file has. */
  get findings(): readonly Problem[] {
    const { report, failure } = this.file;
    if (report !== null || failure === null) return report?.problems ?? [];
    const message = `${failure.what}. ${failure.todo}`;
    return [{ code: failure.code, severity: 'error', offset: failure.where.offset ?? null, message }];
  }

  /** The same file for main's services: the snapshot, or the file itself. */
  get source(): ConversionOptions['source'] {
    const { snapshot, reference } = this.session;
    return snapshot === null ? { path: reference } : { snapshot };
  }

  get api(): Inspector {
    return this.#connection.api;
  }

  /** Begins to compare with another open file, to which main has introduced this one's worker. It is closed with the comparison. */
  async compareWith(other: OpenFile): Promise<void> {
    await this.endCompare();
    const comparison = new Comparison(this.#connection.api, this, other, () => this.pages.refresh());
    this.comparison = comparison;
    void comparison.run();
  }

  async endCompare(): Promise<void> {
    const ending = this.comparison;
    this.comparison = null;
    await ending?.close();
  }

  async close(): Promise<void> {
    this.told.close();
    this.move.close();
    this.pages.close();
    await this.endCompare();
    await this.#connection.close();
  }

  toggle(id: string, open: boolean): void {
    const nodes = new Set(this.openNodes);
    if (open) nodes.add(id);
    else nodes.delete(id);
    this.openNodes = nodes;
  }

  /** Shows where a node is and selects its bytes; of pages only the first byte, since they are most of the file. */
  goToNode(node: StructureNode): Promise<void> {
    const parent = parentOfMore(node.id);
    if (parent !== null) return this.fields.loadMore(parent);
    return this.hex.goTo(node.offset, node.kind === 'pages' ? 1 : node.length);
  }

  /** Guest-physical address of a byte of the file; null where it is in no page, or the RAM map does not know it. */
  guestPhysicalOf(offset: number): number | null {
    const pages = this.hex.segmentAt(offset)?.pages ?? null;
    return pages === null ? null : this.#guestPhysicalIn(pages, offset);
  }

  #guestPhysicalIn({ block, pagesOffset }: PageRun, offset: number): number | null {
    return guestPhysicalOf(this.file.ramMap, block, offset - pagesOffset);
  }

  #placeView(): PlaceView {
    const { file, hex, told } = this;
    const placeOf = (): PagePlace | null => this.place;
    return {
      size: file.size,
      blocks: file.report?.ramBlocks ?? [],
      ramMap: file.ramMap,
      get cursor() {
        return told.offset;
      },
      get block() {
        return placeOf()?.pages.block ?? null;
      },
      goTo: (offset, length) => hex.goTo(offset, length),
      prepare: (offset) => void hex.prepare(offset),
    };
  }

  /** Tells what went wrong; the first of several counts. */
  fail(error: unknown): void {
    this.failure ??= failureOf(error, 'reading the file');
  }
}

/** A region with the fields around the cursor; those of where the cursor was before are left out. */
function withFields(region: Leaf | null, around: readonly StructureNode[], cursor: number): Leaf | null {
  const field = around.at(-1);
  if (region === null || field === undefined || region.node.lazy !== true) return region;
  if (cursor < field.offset || cursor >= field.offset + field.length) return region;
  return { node: field, kind: region.kind, parents: [...region.parents, region.node, ...around.slice(0, -1)] };
}

function nodeOf(pages: StructureNode, place: PagePlace): StructureNode {
  const { page } = place;
  return {
    id: `${pages.id}/page`,
    kind: 'pages',
    label: `page ${count(page)}`,
    value: place.pages.present ? 'present' : 'zero',
    offset: place.pages.pagesOffset + page * place.pages.pageSize,
    length: place.pages.pageSize,
    meaning: '',
    source: null,
    pointsTo: null,
    children: [],
  };
}
