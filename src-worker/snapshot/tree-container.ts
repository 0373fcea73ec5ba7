import type { StructureNode } from '@shared/contracts/inspect';
import type { LibvirtImage } from '@shared/libvirt/image';
import type { Configuration, Container } from '@shared/stream/model';
import { fieldNodes, group, leaf } from './tree-nodes';

/** libvirt's header, XML and cookie in front of a stream. */
export function libvirtNode({ start, streamOffset }: Container, image: LibvirtImage): StructureNode {
  const { header, xml, cookie } = image;
  const bytes = (length: number): string => `${length} bytes`;
  const xmlMeaning = 'How libvirt defines the VM.';
  const texts = [
    leaf('libvirt/xml', 'container', 'domain XML', bytes(xml.length), xml.offset, xml.length, xmlMeaning, 'text'),
  ];
  if (cookie !== null) {
    const { offset, length } = cookie;
    const meaning = 'What else libvirt keeps.';
    texts.push(leaf('libvirt/cookie', 'container', 'cookie', bytes(length), offset, length, meaning, 'text'));
  }
  const children = [...fieldNodes('libvirt', header)];
  for (const [index, node] of texts.entries()) {
    const end = node.offset + node.length;
    const next = texts[index + 1]?.offset ?? streamOffset;
    children.push(node);
    if (end < next) children.push(leaf(`${node.id} padding`, 'padding', 'padding', null, end, next - end, 'Zeros.'));
  }
  const value = image.finished ? image.format : `${image.format}, unfinished`;
  return group('libvirt', 'container', 'libvirt save image', value, start, streamOffset - start, '', children);
}

/** The CONFIGURATION section with its subsections. */
export function configurationNode({ record, subsections, capabilities, machine }: Configuration): StructureNode {
  const children = [...fieldNodes('configuration', record)];
  let end = record.offset + record.length;
  for (const [index, { record: sub, content }] of subsections.entries()) {
    const id = `configuration/${index}`;
    const inner = content.flatMap((parsed, at) => fieldNodes(`${id}/${at}`, parsed));
    const last = content.at(-1) ?? sub;
    end = last.offset + last.length;
    const label = sub.values.name.replace(/^configuration\//, '');
    const value = label === 'capabilities' ? capabilities.join(', ') : null;
    const all = [...fieldNodes(id, sub), ...inner];
    children.push(group(id, 'configuration', label, value, sub.offset, end - sub.offset, '', all));
  }
  const { offset } = record;
  const meaning = 'What a QEMU must match to load this stream.';
  return group('configuration', 'configuration', 'CONFIGURATION', machine, offset, end - offset, meaning, children);
}
