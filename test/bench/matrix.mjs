// npm run bench:matrix [-- --only REGEXP] [--repeat N] [--memory MIB] [--limit SECONDS]: saves to a file, QEMU and
// Stillframe side by side. Prints a table; exits 1 when a condition does not hold.
import { runBench } from './run-bench.mjs';

await runBench('/test/bench/matrix/main.ts', 'matrixBench');
