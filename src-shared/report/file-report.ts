/** Putting a report together. */
import type { InspectReport, Problem } from '../contracts/inspect';
import type { FileReport, PageAllocation, ReportBlock } from '../contracts/report';

/** What a report is made of. */
export interface ReportFacts extends Pick<FileReport, 'bytesOnDisk' | 'snapshot' | 'ramMap' | 'devices'> {
  readonly inspected: InspectReport;
  /** By the block's number in the stream. */
  readonly allocation: readonly (PageAllocation | null)[];
}

/** The report of a file. Lost writes are among its problems. */
export function fileReport({ inspected, allocation, ...facts }: ReportFacts): FileReport {
  const { file, size, container, machine, capabilities, complete, sections, vmDescription, problems } = inspected;
  const ramBlocks = inspected.ramBlocks.map((block, index): ReportBlock => ({
    ...block,
    allocation: allocation[index] ?? null,
  }));
  return {
    file,
    size,
    bytesOnDisk: facts.bytesOnDisk,
    container,
    machine,
    capabilities,
    complete,
    snapshot: facts.snapshot,
    ramBlocks,
    ramMap: facts.ramMap,
    devices: facts.devices,
    sections,
    vmDescription,
    problems: [...problems, ...ramBlocks.flatMap(lostWrites)],
  };
}

function lostWrites({ name, pagesOffset, allocation }: ReportBlock): readonly Problem[] {
  const lost = allocation?.lost ?? 0;
  if (lost === 0) return [];
  const pages = lost === 1 ? '1 present page' : `${lost} present pages`;
  const message = `${pages} of ${name} ${lost === 1 ? 'has' : 'have'} no bytes on disk: a write was lost.`;
  return [{ code: 'lost-write', severity: 'error', offset: pagesOffset, message }];
}

/** The document that `export --to report-json` writes. */
export const reportJson = (report: FileReport): string => `${JSON.stringify(report, null, 2)}\n`;
