// npm run bench:main [MiB]: what a save costs the process that runs it. Prints a table.
import { runBench } from './run-bench.mjs';

await runBench('/test/bench/run-main-thread.ts', 'mainThreadBench');
