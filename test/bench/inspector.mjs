// npm run bench:inspector [GiB of pages] [--folder DIR]: the inspector on a snapshot of 128 GiB, in real Electron, against its limits.
import { execFileSync } from 'node:child_process';
import { runBench } from './run-bench.mjs';

execFileSync(process.execPath, ['build/bundle.mjs'], { stdio: 'inherit' });
await runBench('/test/bench/run-inspector.ts', 'benchInspector');
