/** What a person does with the file that is shown beside looking around in it, and the view that this leads to. */
import type { ShellApi } from '@shared/contracts/app';
import type { Dialogs } from '../app/dialogs.svelte';
import { openExport } from './export/open-export';
import { meantBookmark, type MeantBookmark } from './marks/mark-here';
import type { PageBlock, PageRange } from './pages/page-block';
import type { InspectorRoom, InspectorTarget } from './room.svelte';
import type { InspectorView } from './views';

interface Needs {
  readonly room: Pick<InspectorRoom, 'file' | 'open' | 'compare'>;
  readonly dialogs: Pick<Dialogs, 'open'>;
  readonly shell: Pick<ShellApi, 'chooseFile'>;
}

export class InspectorActions {
  readonly #needs: Needs;

  view = $state<InspectorView>('bytes');
  /** Whether the bar for finding is open; it stays so from view to view. */
  finding = $state(false);
  /** Whether it is asked what to compare with. */
  comparing = $state(false);
  /** The bookmark whose name and note are asked for. */
  marking = $state.raw<MeantBookmark | null>(null);

  constructor(needs: Needs) {
    this.#needs = needs;
  }

  /** Opens a file and shows its bytes. */
  async open(wanted: InspectorTarget): Promise<void> {
    await this.#needs.room.open(wanted);
    this.view = 'bytes';
  }

  /** Has a file chosen and opens it. */
  async choose(): Promise<void> {
    const path = await this.#needs.shell.chooseFile('inspect');
    if (path !== null) await this.open({ path });
  }

  /** Compares with another file; the pages show themselves which of them differ. */
  async compare(wanted: InspectorTarget): Promise<void> {
    this.comparing = false;
    if ((await this.#needs.room.compare(wanted)) && this.view !== 'pages') this.view = 'compare';
  }

  /** Asks for the name of a bookmark of what is selected, or to change the one that the cursor is in. */
  mark(): void {
    const { file } = this.#needs.room;
    if (file !== null) this.marking = meantBookmark(file);
  }

  /** Opens the dialog that exports something of the file, beginning with what is selected among its bytes. */
  export(): void {
    const { room, dialogs } = this.#needs;
    if (room.file !== null) openExport(dialogs, room.file);
  }

  /** The same for a stretch of pages. */
  exportPages({ name, pageSize }: PageBlock, { from, to }: PageRange): void {
    const { room, dialogs } = this.#needs;
    if (room.file === null) return;
    const range = { block: name, start: from * pageSize, end: to * pageSize };
    openExport(dialogs, room.file, { kind: 'memory', range });
  }
}
