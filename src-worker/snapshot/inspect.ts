import type { BlockReport, InspectReport, SectionReport } from '@shared/contracts/inspect';
import type { RamBlock, Section } from '@shared/stream/model';
import { Problems } from '@shared/stream/problems';
import type { OpenSnapshot } from './open';
import { countPresentPages, reportEmptyBitmaps } from './present';

/** What `stillframe inspect --json` prints of an open file. */
export async function inspectSnapshot(snapshot: OpenSnapshot): Promise<InspectReport> {
  const { stream } = snapshot;
  const present = await countPresentPages(snapshot);
  const problems = new Problems(snapshot.problems);
  reportEmptyBitmaps(stream, present, problems);
  const { container, configuration, description } = stream;
  return {
    file: stream.name,
    size: stream.size,
    container: { kind: container.kind, streamOffset: container.streamOffset },
    machine: configuration?.machine ?? null,
    capabilities: configuration?.capabilities ?? [],
    ramBlocks: stream.ramBlocks.map((block) => blockReport(block, present.get(block) ?? null)),
    sections: sectionReports(snapshot),
    vmDescription: description === null ? null : { offset: description.text.offset, length: description.text.length },
    complete: stream.complete,
    problems: problems.list,
  };
}

function blockReport(block: RamBlock, pagesPresent: number | null): BlockReport {
  const { header } = block;
  const common = { name: block.name, usedLength: block.usedLength, recordOffset: block.record.offset };
  if (header?.mapped == null) {
    return {
      ...common,
      pageSize: null,
      headerOffset: null,
      bitmapOffset: null,
      bitmapLength: null,
      pagesOffset: null,
      pagesTotal: null,
      pagesPresent: null,
    };
  }
  return {
    ...common,
    pageSize: header.pageSize,
    headerOffset: header.record.offset,
    bitmapOffset: header.mapped.bitmap.offset,
    bitmapLength: header.mapped.bitmap.length,
    pagesOffset: header.mapped.pages.offset,
    pagesTotal: header.pagesTotal,
    pagesPresent,
  };
}

function sectionReports({ stream }: OpenSnapshot): readonly SectionReport[] {
  const { configuration, sections, eof, description } = stream;
  const plain = (type: SectionReport['type'], offset: number): SectionReport => ({
    type,
    id: null,
    name: null,
    instance: null,
    version: null,
    offset,
  });
  return [
    ...(configuration === null ? [] : [plain('configuration', configuration.record.offset)]),
    ...sections.map(sectionReport),
    ...(eof === null ? [] : [plain('eof', eof.offset)]),
    ...(description === null ? [] : [plain('vmdescription', description.record.offset)]),
  ];
}

function sectionReport(section: Section): SectionReport {
  const { type, offset, name } = section;
  switch (section.type) {
    case 'start':
    case 'full': {
      const { instance, version } = section.record.values;
      return { type, id: section.id, name, instance, version, offset };
    }
    case 'part':
    case 'end':
      return { type, id: section.id, name, instance: null, version: null, offset };
    case 'command':
      return { type, id: null, name, instance: null, version: null, offset };
  }
}
