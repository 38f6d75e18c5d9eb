// A Doorstep client in Node.js, written from proto/README.md and the .proto files alone. Names in
// comments are those of that page. It does not ask for zstd: Node.js 20 has none.
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import grpc from '@grpc/grpc-js';
import { blake2b } from '@noble/hashes/blake2b';
import protobuf from 'protobufjs';

const protoDir = fileURLToPath(new URL('../../../proto', import.meta.url));
const protobufDir = path.dirname(createRequire(import.meta.url).resolve('protobufjs/package.json'));

const root = new protobuf.Root();
root.resolvePath = (_, target) =>
  path.join(target.startsWith('google/') ? protobufDir : protoDir, target);
await root.load(
  ['doorstep/v1/sync.proto', 'doorstep/care/v1/people.proto', 'doorstep/care/v1/risk.proto',
    'doorstep/care/v1/case_work.proto'],
  { keepCase: true });

const type = (name) => root.lookupType(name.includes('.') ? name : `doorstep.v1.${name}`);
export const encode = (name, fields) =>
  Buffer.from(type(name).encode(type(name).fromObject(fields)).finish());
// Enums by name, 64-bit numbers as numbers (all here are below 2^53), absent fields as defaults,
// except those of record kinds, where absent means "no value".
export const decode = (name, bytes) => type(name).toObject(type(name).decode(bytes), {
  enums: String, longs: Number, defaults: !name.startsWith('doorstep.care') });

// --- Ids and hashes ---

export function uuid7(nowMs = Date.now()) {
  const id = randomBytes(16);
  id.writeUIntBE(nowMs, 0, 6);
  id[6] = (id[6] & 0x0f) | 0x70;
  id[8] = (id[8] & 0x3f) | 0x80;
  return id;
}

export function uuid4() {
  const id = randomBytes(16);
  id[6] = (id[6] & 0x0f) | 0x40;
  id[8] = (id[8] & 0x3f) | 0x80;
  return id;
}

export const uuidText = (id) =>
  Buffer.from(id).toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');

// "The site's own file".
export function siteFile(tenant, site) {
  const id = Buffer.from(blake2b(`doorstep site file\0${tenant}\0${site}`, { dkLen: 16 }));
  id[6] = (id[6] & 0x0f) | 0x80;
  id[8] = (id[8] & 0x3f) | 0x80;
  return id;
}

// `Outcome.hash`: tells whether the unit is one's own.
export function unitHash(author, schemaHash, payload) {
  const parts = [Buffer.from(author), schemaHash, payload].flatMap(
    (part) => [protobuf.Writer.create().uint32(part.length).finish(), part]);
  return Buffer.from(blake2b(Buffer.concat(parts), { dkLen: 32 }));
}

const packed = (bytes) => ({ raw_size: bytes.length, data: bytes });

// --- One device ---

export class Device {
  constructor(address, { tenant = 'default', site, name = 'node-contract' }) {
    this.sender = { tenant, device: uuid7(), incarnation: uuid4(), site };
    this.name = name;
    this.counter = 1; // of the next change
    this.stored = new Map(); // sequences of receipts by counter
    this.epoch = 0;
    this.contact = { ms: 0, mono: 0 };
    this.boot = randomBytes(6).readUIntBE(0, 6);
    this.stub = new grpc.Client(address, grpc.credentials.createInsecure());
  }

  close() { this.stub.close(); }

  mono() { return Math.floor(performance.now()); }

  call(method, request) {
    const { requestType, responseType } = root.lookupService('doorstep.v1.Sync').methods[method];
    return new Promise((resolve, reject) => {
      this.stub.makeUnaryRequest(
        `/doorstep.v1.Sync/${method}`, (r) => encode(requestType, r),
        (bytes) => decode(responseType, bytes), request,
        (error, response) => (error ? reject(error) : resolve(response)));
    });
  }

  stream(method, request) {
    const { requestType, responseType } = root.lookupService('doorstep.v1.Sync').methods[method];
    return this.stub.makeServerStreamRequest(
      `/doorstep.v1.Sync/${method}`, (r) => encode(requestType, r),
      (bytes) => decode(responseType, bytes), request);
  }

  async hello(fields = {}) {
    const answer = await this.call('Hello', {
      sender: this.sender, protocol_min: 1, protocol_max: 1, device_name: this.name,
      client: 'doorstep-contract-node 1', ...fields });
    this.epoch = answer.epoch;
    this.contact = { ms: answer.server_time_ms, mono: this.mono() };
    return answer;
  }

  // A unit of this device, ready to push; takes the next counters. `payload` instead of `changes`
  // sends any bytes.
  unit(changes, { file, author = 'N Ode', tier = 0, payload, incarnations = [] } = {}) {
    const counter = this.counter;
    this.counter += changes.length;
    payload ??= encode('UnitPayload', {
      file, tier, incarnations, changes,
      stamp: { wall_ms: Date.now(), boot: this.boot, mono_ms: this.mono(),
        contact_ms: this.contact.ms, contact_mono_ms: this.contact.mono } });
    return { author, counter, changes: changes.length, payload, epoch: this.epoch,
      checkpoint: this.checkpoint ?? 0 };
  }

  // Returns the receipts.
  async push(...units) {
    const authors = [...new Set(units.map((unit) => unit.author))];
    const request = encode('PushUnits', {
      authors,
      units: units.map((unit) => ({ ...unit, author: authors.indexOf(unit.author) })) });
    const now = { wall_ms: Date.now(), boot: this.boot, mono_ms: this.mono() };
    const answer = await this.call('Push', { sender: this.sender, now, units: packed(request) });
    for (const receipt of answer.receipts) {
      if (receipt.sequence > 0) this.stored.set(receipt.counter, receipt.sequence);
    }
    return answer.receipts;
  }

  // One Pull call: batches until the server ends the stream, or until `enough(batch)`.
  async batches(request, enough = () => false) {
    const stream = this.stream('Pull', { sender: this.sender, epoch: this.epoch, ...request });
    const all = [];
    try {
      for await (const batch of stream) {
        batch.decoded = decode('PullRows', unpacked(batch.rows));
        all.push(batch);
        if (enough(batch)) break;
      }
    } finally {
      stream.cancel();
    }
    return all;
  }

  // "Attachments": what the server has of one, then its bytes from there on. Returns the last answer.
  async putAttachment(attachment, bytes, chunk = 50_000) {
    const { states: [state] } = await this.call('AskAttachments',
      { sender: this.sender, attachments: [attachment] });
    let at = state;
    while (!at.whole && !at.wrong) {
      at = await this.call('PutChunk', { sender: this.sender, attachment, size: bytes.length,
        offset: at.received, data: bytes.subarray(at.received, at.received + chunk) });
    }
    return at;
  }

  // All of it; undefined: it is not whole there.
  async getAttachment(attachment) {
    const pieces = [];
    for (let offset = 0; ; offset += pieces.at(-1).length) {
      const { whole, data } = await this.call('GetChunk',
        { sender: this.sender, attachment, offset });
      if (!whole) return undefined;
      if (data.length === 0) return Buffer.concat(pieces);
      pieces.push(data);
    }
  }

  // A replica's rows, brought to a checkpoint. `enough` may break off any call after a batch, as a
  // bad link does; the pull then goes on from where it was.
  async sync(held = new Replica(), enough = () => false) {
    while (!held.firstDone) {
      const batches = await this.batches(
        { first: true, first_from: held.firstFrom, position: held.position }, enough);
      for (const batch of batches) {
        held.keep(batch);
        held.firstFrom = batch.first_from;
        held.firstDone = batch.first_done;
      }
      if (!held.firstDone) continue;
      // A first pull brings no outcomes: those of units pushed before it come when asked for.
      const lacking = [...this.stored.values()].map((sequence) => sequence - 1);
      Object.assign(held, {
        position: undefined, cursor: Math.min(held.firstFrom, ...lacking) });
    }
    for (let complete = false; !complete;) {
      const batches = await this.batches({ cursor: held.cursor, position: held.position }, enough);
      for (const batch of batches) {
        held.keep(batch);
        if ((complete = batch.complete)) {
          Object.assign(held, { cursor: batch.checkpoint, position: undefined });
        }
      }
    }
    this.checkpoint = held.cursor;
    return held;
  }
}

function unpacked({ compression, raw_size, data }) {
  if (compression !== 'COMPRESSION_UNSPECIFIED') throw new Error(`got ${compression}`);
  if (data.length !== raw_size) throw new Error(`got ${data.length} bytes, wanted ${raw_size}`);
  return data;
}

// What a device holds: records by id, each with the heads of its fields, and outcomes by counter.
export class Replica {
  cursor = 0;
  firstFrom = 0;
  firstDone = false;
  position = undefined;
  batches = 0;
  records = new Map();
  outcomes = new Map();
  compartments = new Set();

  keep(batch) {
    this.batches += 1;
    this.position = batch.next;
    const rows = batch.decoded;
    const name = (index) => {
      const { file, tier } = rows.compartments[index];
      return `${uuidText(file)}/${tier}`;
    };
    for (const { record } of rows.withdrawals) this.records.delete(uuidText(record));
    for (const { compartment, taken } of rows.memberships) {
      if (!taken) {
        this.compartments.add(name(compartment));
        continue;
      }
      this.compartments.delete(name(compartment));
      for (const [id, record] of this.records) {
        if (record.compartment === name(compartment)) this.records.delete(id);
      }
    }
    for (const row of rows.records) {
      const id = uuidText(row.record);
      const record = this.records.get(id) ?? { fields: new Map() };
      Object.assign(record, { kind: row.kind, compartment: name(row.compartment) });
      for (const [field, heads] of headsOf(row, rows)) record.fields.set(field, heads);
      this.records.set(id, record);
    }
    for (const outcome of rows.outcomes) {
      outcome.incarnation = uuidText(rows.incarnations[outcome.incarnation]);
      this.outcomes.set(outcome.counter, outcome);
    }
  }

  // The record as a message, from the fields that have a single head and the elements of sets.
  message(id, name) {
    const bytes = [...this.records.get(id).fields].sort(([a], [b]) => a - b)
      .flatMap(([, { set, heads }]) => (set || heads.length === 1 ? heads : []))
      .map((head) => head.value);
    return decode(name, Buffer.concat(bytes));
  }
}

// Field number → {set, heads: [{id, author, value, settled}]} of a RecordRow.
function headsOf(row, rows) {
  const head = (ref, value, rest = {}) => ({
    id: { incarnation: uuidText(rows.incarnations[ref.incarnation]), counter: ref.counter },
    author: rows.authors[ref.author], sequence: ref.sequence, timeMs: ref.time_ms, value,
    ...rest });
  const fields = new Map();
  for (const { number, value } of split(row.values)) {
    const known = fields.get(number);
    fields.set(number, { set: known !== undefined,
      heads: [...(known?.heads ?? []), head(row.head, value)] });
  }
  for (const exception of row.exceptions) {
    const heads = exception.heads.map((h) =>
      head(h.head, h.value, { settled: h.settle_reason || undefined }));
    fields.set(exception.field, { set: false, heads });
  }
  return fields;
}

// The top-level fields of a message, each with its tag.
function* split(bytes) {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const tag = reader.uint32();
    reader.skipType(tag & 7);
    yield { number: tag >>> 3, value: bytes.subarray(start, reader.pos) };
  }
}
