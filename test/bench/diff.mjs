// npm run bench:diff [GiB] [rounds] [--cold] [--folder DIR]: comparing two files against fio reading both.
import { runBench } from './run-bench.mjs';

await runBench('/test/bench/run-diff.ts', 'benchDiff');
