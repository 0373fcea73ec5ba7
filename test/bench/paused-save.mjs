// npm run bench:paused [repetitions]: a paused save by channels beside QEMU's own. Prints a table; exits 1 above a limit.
import { runBench } from './run-bench.mjs';

await runBench('/test/bench/run-paused-save.ts', 'pausedSaveBench');
