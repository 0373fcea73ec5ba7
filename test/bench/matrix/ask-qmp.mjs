// Asks a VM `query-status` every 10 ms on a monitor of its own, whether the last answer has come or not, and tells on
// request the longest that an answer took, or has taken so far, since the last request; what was asked before that counts
// from there on. A process of its own, so that nothing but QEMU makes it wait. Forked by prober.ts: node ask-qmp.mjs SOCKET
import { connect } from 'node:net';

const PERIOD_MS = 10;

const socket = connect(process.argv[2]);
const asked = [];
let longest = 0;
let since = 0;
let greeted = false;
let text = '';

socket.setEncoding('utf8');
socket.on('data', (chunk) => {
  const lines = (text + chunk).split('\n');
  text = lines.pop();
  for (const line of lines) {
    if (line.trim() === '') continue;
    const message = JSON.parse(line);
    if ('QMP' in message) socket.write('{"execute":"qmp_capabilities"}\n');
    else if ('return' in message && greeted) longest = Math.max(longest, waited(asked.shift()));
    else if ('return' in message) begin();
  }
});
socket.on('close', () => process.exit(0));
socket.on('error', () => process.exit(1));

function begin() {
  greeted = true;
  process.send('ready');
  setInterval(() => {
    asked.push(performance.now());
    socket.write('{"execute":"query-status"}\n');
  }, PERIOD_MS);
}

const waited = (at) => performance.now() - Math.max(at, since);

process.on('message', () => {
  process.send(Math.max(longest, asked.length > 0 ? waited(asked[0]) : 0));
  longest = 0;
  since = performance.now();
});
process.on('disconnect', () => process.exit(0));
