// A link that breaks: forwards TCP from a port of its own to a server on this machine, and drops
// each of the first `--cuts` connections after `--after` bytes have come from the server.
//
//   node tests/support/cut_proxy.mjs --to 127.0.0.1:7400 --after 400000 --cuts 2 --port-file F
//
// Prints a line for each cut. Loopback only. Ends on SIGTERM.
import fs from 'node:fs';
import net from 'node:net';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    to: { type: 'string' },
    after: { type: 'string', default: '100000' },
    cuts: { type: 'string', default: '1' },
    'port-file': { type: 'string' },
  },
});
const [host, port] = (values.to ?? '').split(':');
if (!['127.0.0.1', 'localhost'].includes(host) || !(Number(port) > 0)) {
  console.error(`--to: got "${values.to ?? ''}", wanted 127.0.0.1:PORT`);
  process.exit(2);
}

let cuts = Number(values.cuts);
const server = net.createServer((client) => {
  const upstream = net.connect(Number(port), host);
  const cutHere = cuts > 0;
  let seen = 0;
  const drop = () => { client.destroy(); upstream.destroy(); };
  upstream.on('data', (chunk) => {
    if (client.destroyed) return;
    seen += chunk.length;
    if (cutHere && seen >= Number(values.after)) {
      if (cuts > 0) {
        cuts -= 1;
        console.log(`link cut after ${seen} bytes`);
      }
      drop();
      return;
    }
    if (!client.write(chunk)) {
      upstream.pause();
      client.once('drain', () => upstream.resume());
    }
  });
  client.on('data', (chunk) => upstream.write(chunk));
  for (const socket of [client, upstream]) {
    socket.on('error', drop);
    socket.on('close', drop);
  }
});
server.listen(0, '127.0.0.1', () => {
  const file = values['port-file'];
  if (file) {
    fs.writeFileSync(`${file}.tmp`, `${server.address().port}\n`);
    fs.renameSync(`${file}.tmp`, file);
  }
});
