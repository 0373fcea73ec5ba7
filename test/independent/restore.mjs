#!/usr/bin/env node
// Loads a mapped-ram file in plain qemu-system-x86_64. Uses none of the project's code: what works here needs no Stillframe.
//
//   node test/independent/restore.mjs FILE [--channels N] [--direct-io] [--offset SIZE]
//        [--read ADDRESS:LENGTH]… [--run-ms MS] [--program QEMU] -- QEMU-ARGUMENTS…
//
// Starts QEMU with the arguments, `-incoming defer` and `-S`, sets mapped-ram (and multifd with --channels), loads FILE and
// reads guest-physical memory before the guest runs; with --run-ms the guest then runs that long, stops, and memory is read
// again. Prints one JSON document {loaded, status, before: [hex…], after: [hex…]|null}; exit 0, or 1 with QEMU's words.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const LIMIT_MS = 60_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    channels: { type: 'string', default: '0' },
    'direct-io': { type: 'boolean', default: false },
    offset: { type: 'string' },
    read: { type: 'string', multiple: true, default: [] },
    'run-ms': { type: 'string', default: '0' },
    program: { type: 'string', default: 'qemu-system-x86_64' },
  },
});
const [file, ...vmArguments] = positionals;
if (file === undefined) throw new Error('FILE is missing');

const folder = await mkdtemp(join(tmpdir(), 'plain-'));
let stderr = '';
const qemu = spawn(
  values.program,
  [...vmArguments, '-qmp', `unix:${folder}/qmp,server=on,wait=off`, '-incoming', 'defer', '-S'],
  { stdio: ['ignore', 'ignore', 'pipe'] },
);
const ended = new Promise((resolve) => {
  qemu.once('exit', resolve);
  qemu.once('error', (error) => {
    stderr += error.message;
    resolve(-1);
  });
});
qemu.stderr.on('data', (chunk) => (stderr += chunk));
const limit = setTimeout(() => qemu.kill('SIGKILL'), LIMIT_MS);

try {
  const answer = await restore();
  process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
} catch (error) {
  process.stderr.write(`${error.message}\n${stderr}`);
  process.exitCode = 1;
} finally {
  clearTimeout(limit);
  qemu.kill('SIGKILL');
  await ended;
  await rm(folder, { recursive: true, force: true });
}

async function restore() {
  const qmp = await openMonitor(`${folder}/qmp`);
  const channels = Number(values.channels);
  await qmp('migrate-set-capabilities', {
    capabilities: [
      { capability: 'mapped-ram', state: true },
      { capability: 'multifd', state: channels > 0 },
    ],
  });
  await qmp('migrate-set-parameters', {
    ...(channels > 0 ? { 'multifd-channels': channels } : {}),
    'direct-io': values['direct-io'],
  });
  const began = performance.now();
  await qmp('migrate-incoming', { uri: `file:${file}${values.offset ? `,offset=${values.offset}` : ''}` });
  await loadEnds(qmp);
  const loadMs = performance.now() - began;
  const before = await readAll(qmp);
  const runMs = Number(values['run-ms']);
  if (runMs > 0) {
    await qmp('cont');
    await sleep(runMs);
    await qmp('stop');
  }
  const { status } = await qmp('query-status');
  return { loaded: true, loadMs, status, before, after: runMs > 0 ? await readAll(qmp) : null };
}

async function loadEnds(qmp) {
  for (;;) {
    const { status, 'error-desc': why } = await qmp('query-migrate');
    if (status === 'completed') return;
    if (status === 'failed') throw new Error(`the load failed: ${why ?? 'QEMU does not say why'}`);
    await sleep(10);
  }
}

async function readAll(qmp) {
  const found = [];
  for (const range of values.read) {
    const [address, length] = range.split(':').map(Number);
    await qmp('pmemsave', { val: address, size: length, filename: `${folder}/memory` });
    found.push((await readFile(`${folder}/memory`)).toString('hex'));
  }
  return found;
}

/** Connects as soon as QEMU listens; returns a function that runs one command. */
async function openMonitor(path) {
  let socket;
  for (;;) {
    if (qemu.exitCode !== null) throw new Error(`QEMU ended with ${qemu.exitCode}`);
    try {
      socket = await new Promise((resolve, reject) => {
        const attempt = connect(path, () => resolve(attempt));
        attempt.once('error', reject);
      });
      break;
    } catch {
      await sleep(20);
    }
  }
  const waiting = [];
  let text = '';
  socket.on('data', (chunk) => {
    const lines = (text + chunk).split('\n');
    text = lines.pop();
    for (const line of lines) {
      const message = JSON.parse(line);
      if ('error' in message) waiting.shift()?.reject(new Error(message.error.desc));
      else if ('return' in message) waiting.shift()?.resolve(message.return);
    }
  });
  const drop = () => {
    for (const { reject } of waiting.splice(0)) reject(new Error('QEMU closed its monitor'));
  };
  socket.on('error', () => undefined);
  socket.on('close', drop);
  const command = (execute, args = {}) =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      socket.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    });
  await command('qmp_capabilities');
  return command;
}
