/** The file whose pages a worker looks at: `PageScanApi`. */
import { fail } from '@shared/contracts/failure';
import { MAX_SCAN_PAGES, type PageScanApi } from '@shared/contracts/page-scan';
import { GuestFile, type GuestBlock } from '../guest/guest-file';
import { PageReader } from './page-reader';

const DOING = 'looking at pages';

interface OpenPages {
  readonly file: GuestFile;
  readonly reader: PageReader;
}

/** A worker's one file. */
export function createPageScan(): PageScanApi {
  let open: OpenPages | null = null;
  const close = (): void => {
    open?.file.close();
    open = null;
  };
  /** Cuts the pages to those that there are. */
  const look = <T>(
    name: string,
    first: number,
    count: number,
    use: (reader: PageReader, block: GuestBlock, first: number, end: number) => T,
  ): T => {
    if (open === null) throw fail('internal', DOING, 'no file is open', 'Report this; it is a fault in Stillframe.');
    const block = open.file.block(name, DOING);
    const from = Math.min(first, block.pages);
    return use(open.reader, block, from, Math.min(block.pages, from + Math.min(count, MAX_SCAN_PAGES)));
  };
  return {
    async openPages(lease) {
      close();
      const file = await GuestFile.open(lease, DOING);
      open = { file, reader: new PageReader(file) };
    },
    classifyPages: async (name, first, count) =>
      look(name, first, count, (reader, ...pages) => ({ looks: reader.looks(...pages) })),
    hashPages: async (name, first, count) =>
      look(name, first, count, (reader, ...pages) => ({ hashes: reader.hashes(...pages) })),
    digestPages: async (name, first, count) =>
      look(name, first, count, (reader, ...pages) => ({ digests: reader.digests(...pages) })),
    async closePages() {
      close();
    },
  };
}
