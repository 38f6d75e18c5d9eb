// A bad link: forwards TCP from a port of its own to a server on this machine, slowly, late, with
// losses, and cuts it. Loopback only; a model in user space, so it needs no rights and no kernel
// module.
//
//   node tests/support/bad_link.mjs --to 127.0.0.1:7400 --kbit 32 --delay 800 --loss 10
//       --cut-every 20 --port-file F
//
//   --kbit N       bandwidth of each direction, shared by all connections; 0: no limit
//   --delay MS     from one end to the other, so that an answer takes twice as long
//   --loss P       percent of packets that are lost. TCP sends them again: what comes behind them
//                  waits for a round trip, twice that the next time, and they use the link again
//   --cut-every S  every S seconds all connections end, and what was under way is gone; 0: never
//   --cuts N       no more cuts than these
//   --silent       a cut connection does not end: nothing comes through it any more, and neither
//                  end is told, as when a train enters a tunnel
//   --seed N       of the losses
//
// On SIGTERM prints one line of JSON: connections, cuts, lost packets, and the bytes that came
// through in each direction. Opening a connection costs a round trip.
import fs from 'node:fs';
import net from 'node:net';
import { parseArgs } from 'node:util';

const PACKET_BYTES = 1400;
// What is under way in one direction of a connection before its sender has to wait.
const QUEUE_BYTES = 16 * 1024;

const { values } = parseArgs({
  options: {
    to: { type: 'string' },
    kbit: { type: 'string', default: '0' },
    delay: { type: 'string', default: '0' },
    loss: { type: 'string', default: '0' },
    'cut-every': { type: 'string', default: '0' },
    cuts: { type: 'string', default: '1000000' },
    silent: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    'port-file': { type: 'string' },
  },
});
const [host, port] = (values.to ?? '').split(':');
if (!['127.0.0.1', 'localhost'].includes(host) || !(Number(port) > 0)) {
  console.error(`--to: got "${values.to ?? ''}", wanted 127.0.0.1:PORT`);
  process.exit(2);
}
const delay = Number(values.delay);
const bitsPerMs = Number(values.kbit);
const loss = Number(values.loss) / 100;
const counts = { connections: 0, cuts: 0, lost: 0, up: 0, down: 0 };

// mulberry32
let state = Number(values.seed) >>> 0;
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

// One direction of the link: when it is free again.
class Lane {
  freeAt = 0;

  // When a packet that is sent now arrives at the other end.
  send(bytes, extra) {
    const takes = bitsPerMs > 0 ? (bytes * 8) / bitsPerMs : 0;
    this.freeAt = Math.max(Date.now(), this.freeAt) + takes;
    let arrives = this.freeAt + delay + extra;
    for (let again = 2 * delay + 1; random() < loss; again *= 2) {
      counts.lost += 1;
      this.freeAt += takes;
      arrives += again;
    }
    return arrives;
  }
}
const lanes = { up: new Lane(), down: new Lane() };

// Carries what one socket says to the other, in order.
class Carrier {
  constructor(from, to, way) {
    Object.assign(this, { from, to, way });
    this.waiting = []; // for its turn; null: the end
    this.under = []; // way
    this.bytes = 0; // under way
    this.last = 0; // when the last of them arrives
    this.dead = false;
    from.on('data', (chunk) => {
      for (let at = 0; at < chunk.length; at += PACKET_BYTES) {
        this.waiting.push(chunk.subarray(at, at + PACKET_BYTES));
      }
      this.send();
    });
    from.on('end', () => {
      this.waiting.push(null);
      this.send();
    });
  }

  send() {
    while (!this.dead && this.waiting.length > 0 && this.bytes < QUEUE_BYTES) {
      const packet = this.waiting.shift();
      const opening = this.last === 0 && this.way === 'up' ? 2 * delay : 0;
      this.last = Math.max(this.last, lanes[this.way].send(packet?.length ?? 40, opening));
      this.bytes += packet?.length ?? 0;
      this.under.push({ packet, at: this.last });
      if (this.under.length === 1) this.wait();
    }
    if (this.waiting.length > 0) this.from.pause();
    else this.from.resume();
  }

  wait() {
    setTimeout(() => this.deliver(), Math.max(0, this.under[0].at - Date.now()));
  }

  deliver() {
    if (this.dead) return;
    const { packet } = this.under.shift();
    if (packet === null) {
      this.to.end();
    } else {
      this.bytes -= packet.length;
      counts[this.way] += packet.length;
      this.to.write(packet);
      this.send();
    }
    if (this.under.length > 0) this.wait();
  }
}

const open = new Set();

function cut() {
  if (open.size === 0 || counts.cuts >= Number(values.cuts)) return;
  counts.cuts += 1;
  for (const connection of open) connection.cut(values.silent);
  open.clear();
  for (const lane of Object.values(lanes)) lane.freeAt = 0; // what was under way is gone
}

const server = net.createServer({ allowHalfOpen: true }, (client) => {
  counts.connections += 1;
  const upstream = net.connect({ port: Number(port), host, allowHalfOpen: true });
  const ways = [new Carrier(client, upstream, 'up'), new Carrier(upstream, client, 'down')];
  const sockets = [client, upstream];
  const connection = {
    cut(silent) {
      for (const way of ways) way.dead = true;
      // The far end hears of nothing; the near one neither, when the cut is silent.
      if (!silent) for (const socket of sockets) socket.destroy();
    },
  };
  open.add(connection);
  for (const socket of sockets) {
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => {
      if (sockets.every((each) => each.destroyed)) open.delete(connection);
      // A program that is gone takes its connection with it.
      if (socket.errored || ways[0].dead) for (const each of sockets) each.destroy();
    });
  }
});
server.listen(0, '127.0.0.1', () => {
  const file = values['port-file'];
  if (file) {
    fs.writeFileSync(`${file}.tmp`, `${server.address().port}\n`);
    fs.renameSync(`${file}.tmp`, file);
  }
});
if (Number(values['cut-every']) > 0) setInterval(cut, Number(values['cut-every']) * 1000);
process.on('SIGTERM', () => {
  console.log(JSON.stringify(counts));
  process.exit(0);
});
