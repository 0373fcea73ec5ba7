// npm run bench:channels [-- repetitions]: our channels beside a C program and fio. Prints a table; ends with 1 when a
// target is missed. Needs gcc, fio and libxxhash-dev, and 6 GiB of /dev/shm.
import { runBench } from './run-bench.mjs';

await runBench('/test/bench/run-channels.ts', 'channelsBench');
