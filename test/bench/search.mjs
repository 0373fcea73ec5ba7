// npm run bench:search [GiB] [rounds] [--cold] [--folder DIR]: searching present pages against GNU grep over the same bytes.
import { runBench } from './run-bench.mjs';

await runBench('/test/bench/run-search.ts', 'benchSearch');
