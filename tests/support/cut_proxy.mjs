// A link that breaks: forwards TCP from a port of its own to a server on this machine, and drops
// the first `--cuts` connections
//
//   node tests/support/cut_proxy.mjs --to 127.0.0.1:7400 --after 400000 --cuts 2 --port-file F
//
// each after so many bytes have come from the server, or
//
//   node tests/support/cut_proxy.mjs --to 127.0.0.1:7400 --answer-of Push --port-file F
//
// each when the server begins to answer that call: it has done what was asked, and the device never
// hears of it. Cuts only connections on which that call is made. (It reads HTTP/2 frames; gRPC
// writes the path of a connection's first call of a method in plain.)
//
// Prints a line for each cut, and on SIGTERM one line of JSON: {"connections": …, "cuts": …}.
// Loopback only.
import fs from 'node:fs';
import net from 'node:net';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    to: { type: 'string' },
    after: { type: 'string', default: '100000' },
    'answer-of': { type: 'string', default: '' },
    cuts: { type: 'string', default: '1' },
    'port-file': { type: 'string' },
  },
});
const [host, port] = (values.to ?? '').split(':');
if (!['127.0.0.1', 'localhost'].includes(host) || !(Number(port) > 0)) {
  console.error(`--to: got "${values.to ?? ''}", wanted 127.0.0.1:PORT`);
  process.exit(2);
}

const HEADERS = 1; // a frame that begins a call, or the answer to one
const PREFACE_BYTES = 24; // what a client says before its first frame
const FRAME_HEAD_BYTES = 9;
const path = `/doorstep.v1.Sync/${values['answer-of']}`;
const counts = { connections: 0, cuts: 0 };

// Tells of each HTTP/2 frame in what one side says.
function frames(skip, tell) {
  let held = Buffer.alloc(0);
  return (chunk) => {
    held = Buffer.concat([held, chunk]);
    if (skip > 0) {
      const skipped = Math.min(skip, held.length);
      skip -= skipped;
      held = held.subarray(skipped);
    }
    while (held.length >= FRAME_HEAD_BYTES) {
      const end = FRAME_HEAD_BYTES + held.readUIntBE(0, 3);
      if (held.length < end) return;
      tell({ type: held[3], stream: held.readUInt32BE(5) & 0x7fffffff,
        body: held.subarray(FRAME_HEAD_BYTES, end) });
      held = held.subarray(end);
    }
  };
}

const server = net.createServer((client) => {
  counts.connections += 1;
  const upstream = net.connect(Number(port), host);
  const mayCut = () => counts.cuts < Number(values.cuts);
  const drop = () => { client.destroy(); upstream.destroy(); };
  const cut = (why) => {
    counts.cuts += 1;
    console.log(`link cut ${why}`);
    drop();
  };
  let said; // what looks at the client's bytes
  let heard; // and at the server's
  if (values['answer-of']) {
    const calls = new Set(); // streams of the call in question
    said = frames(PREFACE_BYTES, ({ type, stream, body }) => {
      if (type === HEADERS && body.includes(path)) calls.add(stream);
    });
    heard = frames(0, ({ type, stream }) => {
      if (type === HEADERS && calls.has(stream) && mayCut() && !client.destroyed) {
        cut(`before the answer to ${values['answer-of']}`);
      }
    });
  } else {
    const cutHere = mayCut();
    let seen = 0;
    said = () => {};
    heard = (chunk) => {
      seen += chunk.length;
      if (!cutHere || seen < Number(values.after)) return;
      if (mayCut()) cut(`after ${seen} bytes`);
      else drop();
    };
  }
  upstream.on('data', (chunk) => {
    if (client.destroyed) return;
    heard(chunk);
    if (client.destroyed) return;
    if (!client.write(chunk)) {
      upstream.pause();
      client.once('drain', () => upstream.resume());
    }
  });
  client.on('data', (chunk) => {
    said(chunk);
    upstream.write(chunk);
  });
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
process.on('SIGTERM', () => {
  console.log(JSON.stringify(counts));
  process.exit(0);
});
