#!/usr/bin/env node
/**
 * A second reading of a migration file, to hold `stillframe inspect --json` against. It shares no code with src-*, and goes
 * another way: one synchronous descent by file offset, 64-bit values as BigInt, device sections by the sizes in the
 * VMDESCRIPTION that it finds from the end of the file (Stillframe goes by footers first).
 *
 *   node test/independent/walk.mjs FILE [STREAM_OFFSET]
 *
 * It is for good files: it stops with a message at the first thing it does not expect.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** @typedef {{fd: number, size: number}} File */

function at(/** @type {File} */ file, position, count) {
  const buffer = Buffer.alloc(count);
  const got = readSync(file.fd, buffer, 0, count, position);
  if (got !== count) throw new Error(`only ${got} of ${count} bytes at ${position}`);
  return buffer;
}

const u8 = (file, position) => at(file, position, 1).readUInt8(0);
const u16 = (file, position) => at(file, position, 2).readUInt16BE(0);
const u32 = (file, position) => at(file, position, 4).readUInt32BE(0);
const u64 = (file, position) => {
  const value = at(file, position, 8).readBigUInt64BE(0);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error(`${value} at ${position} is too large`);
  return Number(value);
};
const ascii = (file, position, count) => at(file, position, count).toString('latin1');

/** Where QEVM is: at `given`, at 0, behind a libvirt header, or behind zeros. */
function findStream(file, given) {
  let position = given ?? 0;
  if (given === null || given === undefined) {
    const step = 65536;
    search: for (let base = 0; base < file.size; base += step) {
      const bytes = at(file, base, Math.min(step, file.size - base));
      for (let i = 0; i < bytes.length; i++) {
        if (bytes[i] !== 0) {
          position = base + i;
          break search;
        }
      }
    }
  }
  if (ascii(file, position, 4) === 'QEVM') return { kind: 'qemu', streamOffset: position };
  if (ascii(file, position, 11) !== 'LibvirtQemu') throw new Error('no stream');
  const head = at(file, position, 92);
  const little = head.readUInt32LE(16) === 2;
  const data = little ? head.readUInt32LE(20) : head.readUInt32BE(20);
  const streamOffset = position + 92 + data;
  if (ascii(file, streamOffset, 4) !== 'QEVM') throw new Error('no stream behind the libvirt header');
  return { kind: 'libvirt', streamOffset };
}

/** The description, looked for from the end: the type byte 6 whose length field leads to a JSON text that parses. */
function findDescription(file, from) {
  const tailStart = Math.max(from, file.size - 8 * 1024 * 1024);
  const tail = at(file, tailStart, file.size - tailStart);
  for (let i = tail.lastIndexOf(0x06); i >= 0; i = i === 0 ? -1 : tail.lastIndexOf(0x06, i - 1)) {
    if (i + 6 > tail.length || tail[i + 5] !== 0x7b) continue;
    const length = tail.readUInt32BE(i + 1);
    if (i + 5 + length > tail.length) continue;
    try {
      const json = JSON.parse(tail.subarray(i + 5, i + 5 + length).toString('utf8'));
      if (Array.isArray(json.devices)) return { position: tailStart + i, length, json };
    } catch {
      // Not this one.
    }
  }
  return null;
}

/** Bytes that a device's state takes: the sum of its leaves, as QEMU's analyze-migration.py would read them. */
function stateSize(state) {
  let sum = 0;
  for (const field of state.fields ?? []) sum += field.size * (field.array_len ?? 1);
  for (const sub of state.subsections ?? []) sum += 2 + Buffer.byteLength(sub.vmsd_name) + 4 + stateSize(sub);
  return sum;
}

const ONES = Array.from({ length: 256 }, (_, value) => value.toString(2).replaceAll('0', '').length);

function popcount(file, position, length) {
  let ones = 0;
  for (let done = 0; done < length; done += 65536) {
    for (const byte of at(file, position + done, Math.min(65536, length - done))) ones += ONES[byte];
  }
  return ones;
}

function readConfiguration(file, start) {
  let position = start + 1;
  const nameLength = u32(file, position);
  const machine = ascii(file, position + 4, nameLength);
  position += 4 + nameLength;
  const capabilities = [];
  while (u8(file, position) === 5) {
    const length = u8(file, position + 1);
    const name = ascii(file, position + 2, length);
    position += 2 + length + 4;
    if (name === 'configuration/capabilities') {
      const count = u32(file, position);
      position += 4;
      for (let i = 0; i < count; i++) {
        const size = u8(file, position);
        capabilities.push(ascii(file, position + 1, size));
        position += 1 + size;
      }
    } else if (name === 'configuration/target-page-bits') position += 4;
    else if (name === 'configuration/uuid') position += 16;
    else throw new Error(`configuration subsection ${name}`);
  }
  return { machine, capabilities, end: position };
}

function readBlocks(file, start, capabilities) {
  const blocks = [];
  let left = u64(file, start) - 4;
  let position = start + 8;
  while (left > 0) {
    const recordOffset = position;
    const length = u8(file, position);
    const name = at(file, position + 1, length).toString('utf8');
    position += 1 + length;
    const usedLength = u64(file, position);
    position += 8;
    left -= usedLength;
    if (capabilities.includes('x-ignore-shared')) position += 8;
    const block = {
      name,
      usedLength,
      pageSize: null,
      recordOffset,
      headerOffset: null,
      bitmapOffset: null,
      bitmapLength: null,
      pagesOffset: null,
      pagesTotal: null,
      pagesPresent: null,
    };
    if (capabilities.includes('mapped-ram')) {
      const header = at(file, position, 28);
      if (header.readUInt32BE(0) !== 1) throw new Error('mapped-ram version');
      block.headerOffset = position;
      block.pageSize = Number(header.readBigUInt64BE(4));
      block.bitmapOffset = Number(header.readBigUInt64BE(12));
      block.pagesOffset = Number(header.readBigUInt64BE(20));
      block.pagesTotal = usedLength / block.pageSize;
      block.bitmapLength = Math.floor((block.pagesTotal + 63) / 64) * 8;
      block.pagesPresent = popcount(file, block.bitmapOffset, block.bitmapLength);
      position = block.pagesOffset + usedLength;
    }
    blocks.push(block);
  }
  return { blocks, end: position };
}

/**
 * Page records up to and with the end-of-section word. `visit` is told of each page: its block, its address in it, and where
 * its bytes are, or which byte fills it. `last` has the block that a record without a name belongs to.
 */
function walkPages(file, start, pageSize, last, visit) {
  for (let position = start; ;) {
    const word = u64(file, position);
    const flags = word % 4096;
    position += 8;
    if (flags === 0x10) return position;
    if ((flags & 0x20) === 0) {
      const length = u8(file, position);
      if (visit !== undefined) last.block = at(file, position + 1, length).toString('utf8');
      position += 1 + length;
    }
    const page = { block: last.block, address: word - flags, offset: null, fill: null };
    if ((flags & 0x08) !== 0) {
      page.offset = position;
      position += pageSize;
    } else if ((flags & 0x02) !== 0) {
      page.fill = visit === undefined ? null : u8(file, position);
      position += 1;
    } else throw new Error(`RAM flags ${flags} at ${position - 8}`);
    visit?.(page);
  }
}

/** Where the footer of section `id` is, searched byte by byte: for files without a description. */
function findFooter(file, start, id) {
  const wanted = Buffer.alloc(5);
  wanted.writeUInt8(0x7e, 0);
  wanted.writeUInt32BE(id, 1);
  for (let length = 4096; ; length *= 4) {
    const rest = at(file, start, Math.min(file.size - start, length));
    for (let found = rest.indexOf(wanted); found >= 0; found = rest.indexOf(wanted, found + 1)) {
      const next = rest[found + 5];
      const ends = next === 0 && start + found + 6 === file.size;
      // A device's own bytes may look like a footer; behind a real one another section begins, or the file ends.
      if ([1, 2, 3, 4, 8].includes(next) || ends) return start + found;
    }
    if (rest.length < length) throw new Error(`no footer of section ${id}`);
  }
}

const COMMANDS = { 3: 'POSTCOPY_ADVISE', 11: 'SWITCHOVER_START' };
const TYPES = { 1: 'start', 2: 'part', 3: 'end', 4: 'full' };

/**
 * The same report as `stillframe inspect --json` gives. `visit`, when given, is told of each page of a stream that is not
 * mapped-ram, in the order of the file.
 */
export function walk(path, streamOffset = null, visit = undefined) {
  const fd = openSync(path, 'r');
  try {
    const file = { fd, size: fstatSync(fd).size };
    const container = findStream(file, streamOffset);
    const description = findDescription(file, container.streamOffset);
    const sizes = new Map(
      (description?.json.devices ?? []).map((device) => [`${device.name}#${device.instance_id}`, stateSize(device)]),
    );
    const pageSize = description?.json.page_size ?? 4096;
    const sections = [];
    const note = (type, offset, more = {}) =>
      sections.push({ type, id: null, name: null, instance: null, version: null, ...more, offset });

    let position = container.streamOffset + 8;
    let machine = null;
    let capabilities = [];
    if (u8(file, position) === 7) {
      note('configuration', position);
      ({ machine, capabilities, end: position } = readConfiguration(file, position));
    }
    const names = new Map();
    let ramBlocks = [];
    const last = { block: null };
    for (;;) {
      const offset = position;
      const type = u8(file, position);
      if (type === 0) {
        note('eof', offset);
        position += 1;
        break;
      }
      if (type === 8) {
        note('command', offset, { name: COMMANDS[u16(file, position + 1)] ?? null });
        position += 5 + u16(file, position + 3);
        continue;
      }
      if (TYPES[type] === undefined) throw new Error(`section type ${type} at ${offset}`);
      const id = u32(file, position + 1);
      position += 5;
      let own = { id, name: names.get(id), instance: null, version: null };
      if (type === 1 || type === 4) {
        const length = u8(file, position);
        const name = at(file, position + 1, length).toString('utf8');
        position += 1 + length;
        own = { id, name, instance: u32(file, position), version: u32(file, position + 4) };
        position += 8;
        names.set(id, name);
      }
      note(TYPES[type], offset, own);
      if (own.name === 'ram') {
        if (type === 1) {
          const list = readBlocks(file, position, capabilities);
          ramBlocks = list.blocks;
          position = list.end;
        }
        position = walkPages(file, position, pageSize, last, visit);
      } else {
        const size = sizes.get(`${own.name}#${own.instance}`);
        position = size === undefined ? findFooter(file, position, id) : position + size;
      }
      // Footers may be off; a section type never is 0x7e.
      if (u8(file, position) === 0x7e) {
        if (u32(file, position + 1) !== id) throw new Error(`footer at ${position} is not that of section ${id}`);
        position += 5;
      }
    }
    let vmDescription = null;
    if (description !== null && description.position === position) {
      note('vmdescription', position);
      vmDescription = { offset: position + 5, length: description.length };
    }
    return {
      file: path,
      size: file.size,
      container,
      machine,
      capabilities,
      ramBlocks,
      sections,
      vmDescription,
      complete: true,
      problems: [],
    };
  } finally {
    closeSync(fd);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [path, offset] = process.argv.slice(2);
  if (path === undefined) {
    process.stderr.write('usage: node walk.mjs FILE [STREAM_OFFSET]\n');
    process.exitCode = 2;
  } else {
    process.stdout.write(`${JSON.stringify(walk(path, offset === undefined ? null : Number(offset)), null, 2)}\n`);
  }
}
