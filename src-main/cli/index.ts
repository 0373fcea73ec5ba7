#!/usr/bin/env node
/** The entry of the `stillframe` command: plain Node, no display. The services are those of the window. */
import { join } from 'node:path';
import { failureOf, sentenceOf } from '@shared/contracts/failure';
import { runCli } from './program';
import { processTerminal } from './terminal';

const here = import.meta.dirname;

// Node's own exit code for this, 1, means here that the answer is "bad".
process.on('uncaughtException', (error) => {
  process.stderr.write(`${sentenceOf(failureOf(error, 'running the command'))}\n`);
  process.exit(2);
});

const exitCode = await runCli(process.argv.slice(2), processTerminal(), {
  workerFile: join(here, 'worker.js'),
  resources: join(here, '../../resources'),
  env: process.env,
  cwd: process.cwd(),
});
// A VM's process and idle sockets may keep the event loop alive; everything that matters has been let go of.
process.exit(exitCode);
