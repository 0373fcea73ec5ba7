import { hex } from '@shared/bytes/units';
import type { StructureKind, StructureNode } from '@shared/contracts/inspect';
import type { ParsedStream, Section } from '@shared/stream/model';
import type { OpenSnapshot } from './open';
import { blockNode } from './tree-block';
import { configurationNode, libvirtNode } from './tree-container';
import { fieldNodes, group, leaf, sectionNodeId, structNode } from './tree-nodes';

/**
 * Every structure and field of an open file as a tree, in the order of the file. See `StructureNode`.
 *
 * Sections of devices stand in one group; what could not be told apart and what follows the stream are nodes, too.
 */
export function structureTree({ stream }: OpenSnapshot): readonly StructureNode[] {
  const { container, end, size } = stream;
  const nodes: StructureNode[] = [];
  if (container.start > 0) {
    nodes.push(leaf('before', 'padding', 'before the stream', null, 0, container.start, 'Bytes before the stream.'));
  }
  if (container.libvirt !== null) nodes.push(libvirtNode(container, container.libvirt));
  nodes.push(
    structNode(
      'stream',
      stream.header,
      'QEMU stream',
      `v${stream.header.values.version}`,
      'The migration stream begins here.',
    ),
  );
  if (stream.configuration !== null) nodes.push(configurationNode(stream.configuration));
  nodes.push(...sectionNodes(stream), ...endNodes(stream));
  if (end < size) {
    const read = stream.eof !== null;
    nodes.push(
      read
        ? leaf(
            'trailing',
            'trailing',
            'after the stream',
            `${size - end} bytes`,
            end,
            size - end,
            'Bytes behind the end of the stream.',
          )
        : leaf(
            'unknown',
            'unknown',
            'not understood',
            `${size - end} bytes`,
            end,
            size - end,
            'The stream could be read only up to here.',
          ),
    );
  }
  return nodes;
}

const isDevice = (section: Section): boolean => section.type === 'full';

/** PARTs beyond these are one node: they all look alike. */
const MOST_PART_NODES = 1000;

function sectionNodes(stream: ParsedStream): readonly StructureNode[] {
  const nodes: StructureNode[] = [];
  const devices: StructureNode[] = [];
  let devicesAt = 0;
  let parts = 0;
  let end: number | null = null;
  for (const [index, section] of stream.sections.entries()) {
    if (section.type === 'part' && ++parts > MOST_PART_NODES) continue;
    if (end !== null && end < section.offset) nodes.push(furtherSections(end, section.offset - end));
    const node = sectionNode(stream, section, index);
    end = node.offset + node.length;
    if (isDevice(section)) {
      if (devices.length === 0) devicesAt = nodes.length;
      devices.push(node);
    } else {
      nodes.push(node);
    }
  }
  const first = devices[0];
  const last = devices.at(-1);
  if (first === undefined || last === undefined) return nodes;
  const length = last.offset + last.length - first.offset;
  const meaning = 'State of every device of the VM.';
  const value = String(devices.length);
  nodes.splice(devicesAt, 0, group('devices', 'device', 'Devices', value, first.offset, length, meaning, devices));
  return nodes;
}

const furtherSections = (offset: number, length: number): StructureNode =>
  leaf(
    `further/${offset}`,
    'section',
    'further sections',
    `${length} bytes`,
    offset,
    length,
    'PARTs like the ones before.',
  );

function sectionNode(stream: ParsedStream, section: Section, index: number): StructureNode {
  const id = sectionNodeId(index);
  const { record, data, footer, offset } = section;
  const end = footer === null ? data.offset + data.length : footer.offset + footer.length;
  const children = [...fieldNodes(id, record), ...dataNodes(stream, section, id)];
  if (footer !== null) children.push(structNode(`${id}/footer`, footer, 'footer', null, 'Ends the section.'));
  const kind: StructureKind = section.type === 'full' ? 'device' : section.type === 'command' ? 'command' : 'section';
  return group(id, kind, labelOf(section), valueOf(section), offset, end - offset, '', children);
}

function labelOf(section: Section): string {
  switch (section.type) {
    case 'full':
      return section.record.values.instance === 0 ? section.name : `${section.name} #${section.record.values.instance}`;
    case 'command':
      return 'COMMAND';
    case 'start':
    case 'part':
    case 'end':
      return `${section.record.struct.name} ${section.name}`;
  }
}

function valueOf(section: Section): string | null {
  switch (section.type) {
    case 'full':
      return `v${section.record.values.version}`;
    case 'command':
      return section.name ?? String(section.record.values.command);
    default:
      return hex(section.offset);
  }
}

function dataNodes(stream: ParsedStream, section: Section, id: string): readonly StructureNode[] {
  const { data } = section;
  if (section.type === 'start' && section.name === 'ram' && stream.ramTotal !== null) {
    return ramNodes(stream, stream.ramTotal, section, id);
  }
  if (data.length === 0) return [];
  if (section.type !== 'full' && section.type !== 'command' && section.counts !== null) {
    return [pageRecords(id, section.counts, data.offset, data.length)];
  }
  if (section.type === 'full' && stream.description?.devices != null) return describedNodes(section, id);
  const ofRam = section.name === 'ram';
  const meaning = ofRam ? 'Ends the records of this section.' : 'The device’s fields.';
  const kind: StructureKind = ofRam ? 'section' : section.type === 'command' ? 'command' : 'device';
  return [
    leaf(
      `${id}/data`,
      kind,
      ofRam ? 'end of section' : 'data',
      `${data.length} bytes`,
      data.offset,
      data.length,
      meaning,
      ofRam ? 'u64 big-endian' : 'bytes',
    ),
  ];
}

/** A device whose fields are known: they, and the registers of a CPU, are asked for when they are wanted. */
function describedNodes({ name, data }: Section, id: string): readonly StructureNode[] {
  const fields = 'The device’s fields, as the description tells them.';
  const whole = leaf(`${id}/data`, 'device', 'data', `${data.length} bytes`, data.offset, data.length, fields, 'bytes');
  const registers = leaf(
    `${id}/registers`,
    'device',
    'registers',
    null,
    data.offset,
    0,
    'Each in a field of the data.',
  );
  return [...(name === 'cpu' ? [{ ...registers, lazy: true }] : []), { ...whole, lazy: true }];
}

function ramNodes(
  stream: ParsedStream,
  total: NonNullable<ParsedStream['ramTotal']>,
  section: Section,
  id: string,
): readonly StructureNode[] {
  const nodes: StructureNode[] = [
    leaf(
      `${id}/total`,
      'section',
      'total',
      hex(total.bytes),
      total.record.offset,
      total.record.length,
      'Bytes of all RAM blocks, with the flag MEM_SIZE in the lower bits.',
      'u64 big-endian',
    ),
  ];
  const names = new Set<string>();
  for (const [index, block] of stream.ramBlocks.entries()) {
    const unique = names.has(block.name) ? `${block.name}@${index}` : block.name;
    names.add(block.name);
    nodes.push(blockNode(`ram/${unique}`, block));
  }
  if (section.footer === null && stream.eof === null) return nodes;
  const end = section.data.offset + section.data.length;
  const counts = section.type === 'start' ? section.counts : null;
  const last = stream.ramBlocks.at(-1);
  const recordsAt = last === undefined ? end : last.record.offset + last.record.length;
  if (counts !== null && end > recordsAt) nodes.push(pageRecords(id, counts, recordsAt, end - recordsAt));
  else if (end - 8 >= section.data.offset) {
    nodes.push(
      leaf(
        `${id}/data`,
        'section',
        'end of section',
        null,
        end - 8,
        8,
        'Ends the records of this section.',
        'u64 big-endian',
      ),
    );
  }
  return nodes;
}

function pageRecords(
  id: string,
  counts: { readonly pages: number; readonly zeroPages: number; readonly packedPages: number },
  offset: number,
  length: number,
): StructureNode {
  const value = `${counts.pages + counts.packedPages} pages, ${counts.zeroPages} zero`;
  return leaf(
    `${id}/pages`,
    'pages',
    'page records',
    value,
    offset,
    length,
    'Pages in the order in which they were sent.',
  );
}

function endNodes({ eof, description }: ParsedStream): readonly StructureNode[] {
  const nodes: StructureNode[] = [];
  if (eof !== null) {
    nodes.push(leaf('eof', 'eof', 'EOF', hex(eof.offset), eof.offset, eof.length, 'No section follows.', 'u8'));
  }
  if (description !== null) {
    const { record, text } = description;
    const children = [
      ...fieldNodes('description', record),
      leaf(
        'description/text',
        'description',
        'JSON',
        `${text.length} bytes`,
        text.offset,
        text.length,
        'Names, types and sizes of every device field.',
        'text',
      ),
    ];
    nodes.push(
      group(
        'description',
        'description',
        'VMDESCRIPTION',
        `${text.length} bytes`,
        record.offset,
        record.length + text.length,
        'Describes the device sections.',
        children,
      ),
    );
  }
  return nodes;
}
