import { describe, expect, it } from 'vitest';
import { fileOffset } from '../bytes/units';
import { describeState } from './described';
import { deviceNode, eachPart, type DeviceData, type FieldNode } from './device-fields';
import { fieldsJson } from './field-json';
import { fieldText } from './field-text';
import { JsonMembers, parseRepeatingJson } from './repeating-json';

const AT = 0x1000;

/** A device from its description (as text, so that keys can repeat) and its bytes in hexadecimal. */
function device(description: string | object, hexBytes: string): { node: FieldNode; data: DeviceData } {
  const json = parseRepeatingJson(typeof description === 'string' ? description : JSON.stringify(description));
  if (!(json instanceof JsonMembers)) throw new Error('a description is an object');
  const bytes = Uint8Array.from(hexBytes.match(/[\da-f]{2}/g) ?? [], (byte) => Number.parseInt(byte, 16));
  const offset = fileOffset(AT);
  return { node: deviceNode('device', describeState(json), offset, bytes.length), data: { offset, bytes } };
}

interface Read {
  readonly fields: unknown;
  readonly problems: readonly string[];
}

/** Fields as JSON, and what is wrong with where it is. */
function read(description: string | object, hexBytes: string, values = 10_000): Read {
  const { node, data } = device(description, hexBytes);
  const problems = node.problem === null ? [] : [`${node.offset - AT}: ${node.problem}`];
  const onProblem = (offset: number, what: string): void => void problems.push(`${offset - AT}: ${what}`);
  const fields = JSON.parse(JSON.stringify(fieldsJson(node, data, { values, onProblem }))) as unknown;
  return { fields, problems };
}

/** `name type offset length text`, indented by depth. */
function tree(description: string | object, hexBytes: string): readonly string[] {
  const { node, data } = device(description, hexBytes);
  const lines: string[] = [];
  const add = (parent: FieldNode, depth: number): void => {
    for (const part of eachPart(parent, data)) {
      const name = part.index === null ? part.name : `${part.name}[${part.index}]`;
      const text = fieldText(part, data);
      lines.push(`${' '.repeat(depth)}${name} ${part.type} ${part.offset - AT}+${part.length} ${text ?? ''}`.trimEnd());
      add(part, depth + 1);
    }
  };
  add(node, 0);
  return lines;
}

const field = (name: string, type: string, size: number, more: object = {}) => ({ name, type, size, ...more });

describe('values by the types of the description', () => {
  it.each([
    ['uint8', 'ff', 255],
    ['int8', 'ff', -1],
    ['uint16', '8001', 0x8001],
    ['int16', '8001', -0x7fff],
    ['uint32', 'fffffffe', 0xfffffffe],
    ['int32', 'fffffffe', -2],
    ['int32 equal', 'ffffffff', -1],
    ['uint32 equal', 'ffffffff', 0xffffffff],
    // Less or equal, not little-endian.
    ['int32 le', '00000102', 0x102],
    // QEMU's script gives these two a sign.
    ['uint8 equal', 'ff', -1],
    ['uint16 equal', 'ffff', -1],
    ['uint64', '001fffffffffffff', 2 ** 53 - 1],
    ['uint64', '0020000000000000', '9007199254740992'],
    ['uint64', 'ffffffffffffffff', '18446744073709551615'],
    ['int64', 'ffffffffffffffff', -1],
    ['int64', '8000000000000000', '-9223372036854775808'],
    ['int64 equal', 'ffe0000000000000', '-9007199254740992'],
    ['bool', '00', false],
    ['bool', '01', true],
    ['bool', '7f', true],
    ['nullptr', '30', 'nullptr'],
    ['timer', '0000000000000010', '00 00 00 00 00 00 00 10'],
    ['bitmap', '00000000000000ff', '00 00 00 00 00 00 00 ff'],
    ['buffer', '00ff7f', '00 ff 7f'],
    ['buffer', '', ''],
    ['pci config', '8680', '86 80'],
    ['float64', '3ff0000000000000', '3f f0 00 00 00 00 00 00'],
    ['unknown', '01', '01'],
  ])('%s %s is %j', (type, bytes, value) => {
    const description = { fields: [field('x', type, bytes.length / 2)] };
    expect(read(description, bytes)).toEqual({ fields: { x: value }, problems: [] });
  });

  it('are shown to people with what they are', () => {
    const fields = [
      field('small', 'uint8', 1),
      field('number', 'uint32', 4),
      field('address', 'uint64', 8),
      field('signed', 'int16', 2),
      field('off', 'timer', 8),
      field('on', 'timer', 8),
      field('long', 'buffer', 17),
    ];
    const bytes = `07 00000246 ffffffff81000000 fffe ${'ff'.repeat(8)} 0000000000000400 ${'ab'.repeat(17)}`;
    expect(tree({ fields }, bytes)).toEqual([
      'small uint8 0+1 7',
      'number uint32 1+4 582 (0x246)',
      'address uint64 5+8 0xffffffff81000000',
      'signed int16 13+2 -2 (0xfffe)',
      'off timer 15+8 not set',
      'on timer 23+8 1024 ns',
      `long buffer 31+17 ${'ab '.repeat(16)}… (17 bytes)`,
    ]);
  });
});

describe('structures, arrays and subsections', () => {
  it('have the names, the order and the places of the description', () => {
    const inner = { vmsd_name: 'seg', version: 1, fields: [field('base', 'uint16', 2), field('flags', 'uint8', 1)] };
    const description = {
      vmsd_name: 'cpu',
      fields: [
        field('regs', 'uint16', 2, { array_len: 3 }),
        field('segs', 'struct', 3, { array_len: 2, struct: inner }),
        field('last', 'uint8', 1),
      ],
      subsections: [{ vmsd_name: 'cpu/x', version: 1, fields: [field('y', 'uint8', 1)] }],
    };
    const bytes = '0001 0002 0003 1111 aa 2222 bb 09 05 05 6370752f78 00000001 44';
    expect(read(description, bytes)).toEqual({
      fields: {
        regs: [1, 2, 3],
        segs: [
          { base: 0x1111, flags: 0xaa },
          { base: 0x2222, flags: 0xbb },
        ],
        last: 9,
        'cpu/x': { y: 0x44 },
      },
      problems: [],
    });
    expect(tree(description, bytes)).toEqual([
      'regs uint16 0+6 3 elements',
      ' regs[0] uint16 0+2 1',
      ' regs[1] uint16 2+2 2',
      ' regs[2] uint16 4+2 3',
      'segs struct 6+6 2 elements',
      ' segs[0] struct 6+3',
      '  base uint16 6+2 4369 (0x1111)',
      '  flags uint8 8+1 170 (0xaa)',
      ' segs[1] struct 9+3',
      '  base uint16 9+2 8738 (0x2222)',
      '  flags uint8 11+1 187 (0xbb)',
      'last uint8 12+1 9',
      'cpu/x subsection 13+12',
      ' type framing 13+1 5',
      ' name length framing 14+1 5',
      ' name framing 15+5 cpu/x',
      ' version framing 20+4 1',
      ' y uint8 24+1 68 (0x44)',
    ]);
  });

  it('an array described element by element is one list, and its last element, which QEMU gives no index, has one', () => {
    const element = (index: number | null) =>
      field('q', 'struct', 1, { ...(index === null ? {} : { index }), struct: { fields: [field('v', 'uint8', 1)] } });
    const description = { fields: [element(0), element(1), element(null)] };
    expect(read(description, '010203').fields).toEqual({ q: [{ v: 1 }, { v: 2 }, { v: 3 }] });
    expect(tree(description, '010203').filter((line) => line.startsWith('q'))).toEqual([
      'q[0] struct 0+1',
      'q[1] struct 1+1',
      'q[2] struct 2+1',
    ]);
  });

  it('an array of pointers, in stretches of NULL and not NULL, is one list', () => {
    const description = {
      fields: [
        field('p', 'nullptr', 1, { array_len: 2 }),
        field('p', 'uint16', 2, { array_len: 2 }),
        field('p', 'nullptr', 1),
      ],
    };
    expect(read(description, '30 30 0001 0002 30')).toEqual({
      fields: { p: ['nullptr', 'nullptr', 1, 2, 'nullptr'] },
      problems: [],
    });
  });

  it('names that mean something to JavaScript are names like others', () => {
    const names = ['__proto__', 'constructor', 'toString', 'a'];
    const { node, data } = device({ fields: names.map((name) => field(name, 'uint8', 1)) }, '01020304');
    const fields = fieldsJson(node, data, { values: 100, onProblem: () => undefined });
    expect(Object.entries(fields)).toEqual(names.map((name, index) => [name, index + 1]));
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });
});

describe('what QEMU’s script leaves as bytes is taken apart in the tree', () => {
  const state = (name: string) =>
    `"vmsd_name": "${name}", "version": 1, "fields": [{"name": "v", "type": "uint8", "size": 1}]`;

  it('tmp and vstruct, whose fields stand in their own object', () => {
    for (const type of ['tmp', 'vstruct']) {
      const description = `{"fields": [{"name": "t", "type": "${type}", ${state('inner')}, "size": 1}]}`;
      expect(read(description, '2a').fields).toEqual({ t: '2a' });
      expect(tree(description, '2a')).toEqual([`t ${type} 0+1`, ' v uint8 0+1 42 (0x2a)']);
    }
  });

  it.each(['qtailq', 'qlist'])('%s, an element after each mark', (type) => {
    const description = `{"fields": [{"name": "l", "type": "${type}", ${state('e')}, ${state('e')}, "size": 5}]}`;
    const bytes = '01 2a 01 2b 00';
    expect(read(description, bytes).fields).toEqual({ l: bytes });
    expect(tree(description, bytes)).toEqual([
      `l ${type} 0+5 2 elements`,
      ' next framing 0+1 1',
      ' e[0] struct 1+1',
      '  v uint8 1+1 42 (0x2a)',
      ' next framing 2+1 1',
      ' e[1] struct 3+1',
      '  v uint8 3+1 43 (0x2b)',
      ' end framing 4+1 0',
    ]);
  });

  it('an empty list', () => {
    expect(tree('{"fields": [{"name": "l", "type": "qtailq", "size": 1}]}', '00')).toEqual([
      'l qtailq 0+1 0 elements',
      ' end framing 0+1 0',
    ]);
  });

  it('gtree with numbers as keys', () => {
    const description = `{"fields": [{"name": "t", "type": "gtree", ${state('e')}, "size": 15}]}`;
    expect(tree(description, '00000001 01 0000000000000005 2a 00')).toEqual([
      't gtree 0+15 1 element',
      ' count framing 0+4 1',
      ' next framing 4+1 1',
      ' key[0] uint64 5+8 5',
      ' e[0] struct 13+1',
      '  v uint8 13+1 42 (0x2a)',
      ' end framing 14+1 0',
    ]);
  });

  it('gtree with structures as keys', () => {
    const description = `{"fields": [{"name": "t", "type": "gtree", ${state('k')}, ${state('e')}, "size": 8}]}`;
    expect(tree(description, '00000001 01 05 2a 00')).toEqual([
      't gtree 0+8 1 element',
      ' count framing 0+4 1',
      ' next framing 4+1 1',
      ' key[0] struct 5+1',
      '  v uint8 5+1 5',
      ' e[0] struct 6+1',
      '  v uint8 6+1 42 (0x2a)',
      ' end framing 7+1 0',
    ]);
  });

  it('but not where the marks are not there: then it is bytes', () => {
    const description = `{"fields": [{"name": "l", "type": "qtailq", ${state('e')}, "size": 3}]}`;
    expect(tree(description, '02 2a 00')).toEqual(['l qtailq 0+3 02 2a 00']);
    expect(read(description, '02 2a 00').problems).toEqual([]);
  });
});

describe('a description that does not match the bytes is a problem with its place', () => {
  const one = field('a', 'uint8', 1);

  it('fewer bytes described than there are', () => {
    expect(read({ fields: [one] }, '010203')).toEqual({
      fields: { a: 1 },
      problems: ['0: The description tells of 1 bytes, and 3 are here.'],
    });
    expect(tree({ fields: [one] }, '010203')).toEqual(['a uint8 0+1 1', ' undescribed 1+2 2 bytes']);
  });

  it('more described than there are: what fits is told', () => {
    expect(read({ fields: [one, field('b', 'uint32', 4)] }, '010203')).toEqual({
      fields: { a: 1 },
      problems: ['0: The description tells of 5 bytes, and 3 are here.'],
    });
  });

  it('a subsection that is not there, or is another', () => {
    const description = {
      fields: [one],
      subsections: [
        { vmsd_name: 'd/x', fields: [one] },
        { vmsd_name: 'd/y', fields: [one] },
      ],
    };
    const { fields, problems } = read(description, '01 06 03 642f78 00000001 07 05 03 642f7a 00000001 07');
    expect(fields).toMatchObject({ a: 1 });
    expect(problems).toEqual([
      '1: Subsection d/x should begin here, and there is byte 0x6.',
      '11: Subsection d/y should begin here, and there is "d/z".',
    ]);
  });

  it('no mark where a NULL pointer is described', () => {
    expect(read({ fields: [field('p', 'nullptr', 1)] }, '00')).toEqual({
      fields: { p: '00' },
      problems: ['0: There is no mark of a NULL pointer (0x30) here.'],
    });
  });

  it('a structure of another size than its fields: what follows it stands where its size says', () => {
    const description = { fields: [field('s', 'struct', 3, { struct: { fields: [one] } }), field('b', 'uint8', 1)] };
    expect(read(description, '01020304')).toEqual({
      fields: { s: { a: 1 }, b: 4 },
      problems: ['0: Its size is 3 bytes, and that of the fields inside is 1.'],
    });
  });

  it.each([
    ['no fields at all', { name: 'x' }],
    ['a field that is none', { fields: [7] }],
    ['a field without a name', { fields: [{ size: 1 }] }],
    ['a size below zero', { fields: [field('x', 'uint8', -1)] }],
    ['a size that is no number', { fields: [{ name: 'x', type: 'uint8', size: '1' }] }],
    ['an array of nothing', { fields: [field('x', 'uint8', 1, { array_len: 0 })] }],
    ['sizes past 2^53', { fields: [field('x', 'uint8', 2 ** 52, { array_len: 4 })] }],
    ['a subsection without a name', { fields: [], subsections: [{ fields: [] }] }],
  ])('%s ends what is known of the device', (_, description) => {
    const { fields, problems } = read(description, '0102');
    expect(fields).toEqual({});
    expect(problems).toHaveLength(1);
    expect(tree(description, '0102')).toEqual([' undescribed 0+2 2 bytes']);
  });

  it('an array without end costs what is asked for, and says that it was cut', () => {
    const description = { fields: [field('a', 'uint8', 1, { array_len: 2 ** 40 })] };
    expect(read(description, '01').problems).toEqual([`0: The description tells of ${2 ** 40} bytes, and 1 are here.`]);
    const empty = { fields: [field('a', 'buffer', 0, { array_len: 2 ** 40 })] };
    expect(read(empty, '')).toEqual({ fields: { a: '' }, problems: ['0: It has elements of no size.'] });
    const { fields, problems } = read({ fields: [field('a', 'uint8', 1, { array_len: 8 })] }, '0102030405060708', 4);
    expect(fields).toEqual({ a: [1, 2, 3, 4] });
    expect(problems).toEqual(['4: There are more fields from here on than are listed.']);
  });
});
