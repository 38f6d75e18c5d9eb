// The wire contract, as a client that knows nothing but proto/ sees it.
//
//   node tests/contract/node/contract_test.mjs DIRECTORY-OF-PROGRAMS
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';

import grpc from '@grpc/grpc-js';

import { decode, Device, encode, Replica, siteFile, unitHash, uuid4, uuid7, uuidText }
  from './client.mjs';
import { startServer } from './server.mjs';
import { health, listMethods, listServices } from './standard_calls.mjs';

const PERSON = 'doorstep.care.v1.Person';
const ATTACHMENT = 'doorstep.care.v1.Attachment';
const RISK = 'doorstep.care.v1.RiskAssessment';

let server;
let address;
const devices = [];

function device(site = 'north-team') {
  devices.push(new Device(address, { site }));
  return devices.at(-1);
}

before(async () => {
  server = await startServer(process.argv[2], ['another-council:north-team', 'north-team', 'rose-court']);
  address = server.address;
});

after(async () => {
  for (const each of devices) each.close();
  assert.equal(await server.stop(), 0, 'the server stops cleanly');
});

const person = (fields, { id = uuid7() } = {}) =>
  ({ record: id, kind: 1, create: true, values: encode(PERSON, fields) });
const own = (counter) => ({ incarnation: 0, counter });

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return `${grpc.status[error.code]}: ${error.details}`;
  }
  return 'no error';
}

test('hello, push, repeat, pull, edit with a base, outcome', async () => {
  const d = device();
  const hello = await d.hello();
  assert.equal(hello.protocol, 1);
  assert.equal(hello.standing, 'WELCOME');
  assert.ok(hello.epoch > 0 && hello.max_push_bytes > 0 && hello.max_batch_bytes > 0);
  assert.ok(Math.abs(hello.server_time_ms - Date.now()) < 60_000);

  const id = uuid7();
  const created = d.unit([person({ name: 'Peter Hall', preferred_name: 'Peter',
    allergies: ['penicillin', 'nuts'] }, { id })], { file: id });
  const [stored] = await d.push(created);
  assert.equal(stored.status, 'STORED');
  assert.equal(stored.counter, created.counter);
  assert.ok(stored.sequence > 0);
  const [repeated] = await d.push(created);
  assert.deepEqual([repeated.status, repeated.sequence], ['REPEAT', stored.sequence]);

  const held = await d.sync();
  assert.ok(held.cursor >= stored.sequence);
  assert.ok(held.compartments.has(`${uuidText(id)}/0`));
  assert.deepEqual(held.message(uuidText(id), PERSON), {
    name: 'Peter Hall', preferred_name: 'Peter', allergies: ['penicillin', 'nuts'].sort() });
  const outcome = held.outcomes.get(created.counter);
  assert.equal(outcome.incarnation, uuidText(d.sender.incarnation));
  assert.deepEqual(outcome.words, ['APPLIED']);
  assert.deepEqual(Buffer.from(outcome.hash),
    unitHash(created.author, Buffer.alloc(0), created.payload));
  assert.ok(Math.abs(outcome.time_ms - Date.now()) < 60_000);

  const edit = d.unit([{ record: id, kind: 1, values: encode(PERSON, { preferred_name: 'Pete' }),
    bases: [{ heads: [own(created.counter)] }] }], { file: id });
  assert.equal((await d.push(edit))[0].status, 'STORED');
  const cursor = held.cursor;
  await d.sync(held);
  assert.ok(held.cursor > cursor);
  assert.deepEqual(held.outcomes.get(edit.counter).words, ['APPLIED']);
  assert.equal(held.message(uuidText(id), PERSON).preferred_name, 'Pete');
  assert.equal(held.message(uuidText(id), PERSON).name, 'Peter Hall');
  const [head] = held.records.get(uuidText(id)).fields.get(2).heads;
  assert.deepEqual(head.id, { incarnation: uuidText(d.sender.incarnation), counter: edit.counter });
  assert.equal(head.author, 'N Ode');

  // Nothing new: one complete batch without rows, at the same checkpoint.
  const idle = await d.batches({ cursor: held.cursor });
  assert.deepEqual(idle.map((b) => [b.complete, b.checkpoint, b.decoded.records.length]),
    [[true, held.cursor, 0]]);
});

test('the site\'s own file is derived, and every device of the site sees it', async () => {
  const [writer, reader, stranger] = [device(), device(), device('rose-court')];
  for (const d of [writer, reader, stranger]) await d.hello();
  const file = siteFile('default', 'north-team');
  const id = uuid7();
  const unit = writer.unit([person({ name: 'Staff room' }, { id })], { file });
  assert.equal((await writer.push(unit))[0].status, 'STORED');
  assert.ok((await reader.sync()).records.has(uuidText(id)));
  assert.ok(!(await stranger.sync()).records.has(uuidText(id)));
});

test('two versions: both heads come, and a settle names them', async () => {
  const [a, b] = [device(), device()];
  for (const d of [a, b]) await d.hello();
  const id = uuid7();
  const rating = (likelihood, severity) =>
    encode(RISK, { residual_rating: { likelihood, severity } });
  const created = a.unit([{ record: id, kind: 20, create: true, values: rating(2, 3) }],
    { file: siteFile('default', 'north-team') });
  await a.push(created);
  await b.sync();

  const base = a.sender.incarnation;
  const edit = (d, likelihood) => d.unit(
    [{ record: id, kind: 20, values: rating(likelihood, 3),
      bases: [{ fields: [11],
        heads: [{ incarnation: d === a ? 0 : 1, counter: created.counter }] }] }],
    { file: siteFile('default', 'north-team'), incarnations: d === a ? [] : [base],
      author: d === a ? 'A Khan' : 'J Price' });
  const low = edit(a, 1);
  const high = edit(b, 4);
  await a.push(low);
  await b.push(high);
  const held = await b.sync();
  assert.deepEqual(held.outcomes.get(high.counter).words, ['CONFLICT']);
  const field = held.records.get(uuidText(id)).fields.get(11);
  assert.deepEqual(
    field.heads.map((h) => [h.author, decode(RISK, h.value).residual_rating.likelihood]).sort(),
    [['A Khan', 1], ['J Price', 4]]); // by time; in one millisecond by id, so sorted here

  const settle = b.unit([{ record: id, kind: 20, values: rating(2, 3),
    bases: [{ fields: [11], heads: [own(high.counter), { incarnation: 1, counter: low.counter }] }],
    settle: { mode: 'NEW_VALUE', reason: 'walked it together' } }],
  { file: siteFile('default', 'north-team'), incarnations: [a.sender.incarnation] });
  assert.equal((await b.push(settle))[0].status, 'STORED');
  const [decided] = (await a.sync()).records.get(uuidText(id)).fields.get(11).heads;
  assert.deepEqual(decode(RISK, decided.value).residual_rating, { likelihood: 2, severity: 3 });
  assert.equal(decided.settled, 'walked it together');
});

test('a first pull that is cut after every batch resumes by position', async () => {
  const writer = device('rose-court');
  await writer.hello();
  const file = siteFile('default', 'rose-court');
  const ids = [];
  for (let unit = 0; unit < 8; unit += 1) {
    const people = [];
    for (let i = 0; i < 500; i += 1) {
      ids.push(uuid7());
      people.push(person({ name: `Person ${ids.length}`,
        communication_needs: randomBytes(300).toString('hex') }, { id: ids.at(-1) }));
    }
    assert.equal((await writer.push(writer.unit(people, { file })))[0].status, 'STORED');
  }
  const reader = device('rose-court');
  await reader.hello();
  const whole = await reader.sync();
  assert.ok(whole.batches > 3, `got ${whole.batches} batches, wanted several`);
  const cut = await reader.sync(new Replica(), () => true);
  // Batches begin small on each stream, and grow with the link.
  assert.ok(cut.batches >= whole.batches);
  assert.deepEqual([...cut.records.keys()].sort(), ids.map(uuidText).sort());
  assert.deepEqual(cut.records, whole.records);

  // A later pull of many records, cut in the same way.
  const edits = ids.slice(0, 1000).map((id, i) => ({ record: id, kind: 1,
    values: encode(PERSON, { communication_needs: randomBytes(300).toString('hex') }),
    bases: [{ heads: [own(i + 1)] }] }));
  await writer.push(writer.unit(edits.slice(0, 500), { file }));
  await writer.push(writer.unit(edits.slice(500), { file }));
  const before_ = cut.batches;
  await reader.sync(cut, () => true);
  assert.ok(cut.batches > before_ + 1, 'more than one batch');
  await reader.sync(whole);
  assert.deepEqual(cut.records, whole.records);
  assert.equal(cut.cursor, whole.cursor);
});

test('a unit that cannot be admitted is stored and REJECTED, with a reason', async () => {
  const d = device();
  await d.hello();
  const file = siteFile('default', 'north-team');
  const id = uuid7();
  const bad = {
    garbage: d.unit([{}], { payload: Buffer.from('ffffffffffffffff', 'hex') }),
    empty: d.unit([{}], { payload: Buffer.alloc(0) }),
    'text that is not UTF-8': d.unit(
      [{ ...person({}), values: Buffer.from('0a02c328', 'hex') }], { file }),
    'out of range': d.unit([{ record: uuid7(), kind: 20, create: true,
      values: encode(RISK, { residual_rating: { likelihood: 9, severity: 1 } }) }], { file }),
    'bases on a new record': d.unit(
      [{ ...person({ name: 'x' }), bases: [{ heads: [own(1)] }] }], { file }),
    'a record that is not there': d.unit(
      [{ record: id, kind: 1, values: encode(PERSON, { name: 'x' }) }], { file }),
    'a short record id': d.unit([person({ name: 'x' }, { id: Buffer.alloc(3) })], { file }),
  };
  const receipts = await d.push(...Object.values(bad));
  assert.deepEqual(receipts.map((r) => r.status), receipts.map(() => 'STORED'));
  const good = d.unit([person({ name: 'After the bad ones' })], { file });
  assert.equal((await d.push(good))[0].status, 'STORED');
  const held = await d.sync();
  for (const [what, unit] of Object.entries(bad)) {
    const outcome = held.outcomes.get(unit.counter);
    assert.deepEqual(outcome?.words, ['REJECTED'], what);
    assert.match(outcome.reason, /\S/, what);
    assert.match(outcome.what_to_do, /\S/, what);
    assert.deepEqual(Buffer.from(outcome.hash),
      unitHash(unit.author, Buffer.alloc(0), unit.payload), what);
  }
  assert.deepEqual(held.outcomes.get(good.counter).words, ['APPLIED']);
});

test('receipts: WAITS for a base and for a kind to come, FORKED_ID for another\'s content',
  async () => {
    const d = device();
    await d.hello();
    const file = siteFile('default', 'north-team');
    const id = uuid7();
    const create = d.unit([person({ name: 'Peter' }, { id })], { file });
    const edit = d.unit([{ record: id, kind: 1, values: encode(PERSON, { name: 'Pete' }),
      bases: [{ heads: [own(create.counter)] }] }], { file });
    const [waits] = await d.push(edit);
    assert.equal(waits.status, 'WAITS');
    assert.match(waits.detail, /\S/);
    const newer = d.unit([{ ...person({}), kind: 4_000 }], { file });
    assert.equal((await d.push(newer))[0].status, 'WAITS');
    assert.deepEqual((await d.push(create, edit)).map((r) => r.status), ['STORED', 'STORED']);

    const other = { ...create, payload: encode('UnitPayload', { file, changes: [person({})] }) };
    const [forked] = await d.push(other);
    assert.equal(forked.status, 'FORKED_ID');
    assert.match(forked.detail, /\S/);
    // What follows in that push may stand on it, and is not stored either.
    const next = d.unit([{ record: id, kind: 1, values: encode(PERSON, { name: 'Paul' }),
      bases: [{ heads: [own(other.counter)] }] }], { file });
    assert.deepEqual((await d.push(other, next)).map((r) => r.status),
      ['FORKED_ID', 'FORKED_ID']);
    assert.deepEqual((await d.sync()).message(uuidText(id), PERSON), { name: 'Pete' });
  });

test('an incarnation that another device uses is FORKED', async () => {
  const [first, clone] = [device(), device()];
  await first.hello();
  clone.sender.incarnation = first.sender.incarnation;
  assert.equal((await clone.hello()).standing, 'FORKED');
  clone.sender.incarnation = uuid4();
  assert.equal((await clone.hello()).standing, 'WELCOME');
});

test('a wrong call fails as a whole and names the field', async () => {
  const d = device();
  await d.hello();
  const good = { ...d.sender };
  const unit = d.unit([person({ name: 'x' })], { file: siteFile('default', 'north-team') });

  d.sender = { ...good, device: Buffer.from('abc') };
  assert.equal(await failure(d.hello()),
    'INVALID_ARGUMENT: HelloRequest.sender.device: got 3 bytes, wanted 16');
  assert.equal(await failure(d.push(unit)),
    'INVALID_ARGUMENT: PushRequest.sender.device: got 3 bytes, wanted 16');
  assert.match(await failure(d.batches({ first: true })),
    /^INVALID_ARGUMENT: PullRequest\.sender\.device/);
  d.sender = { ...good, tenant: 'another-council' };
  assert.match(await failure(d.hello()), /^PERMISSION_DENIED: .*tenant/);
  d.sender = { ...good, tenant: 'nobody' };
  assert.match(await failure(d.hello()), /^NOT_FOUND: .*nobody/);
  d.sender = { ...good, site: 'nowhere' };
  assert.match(await failure(d.hello()), /^NOT_FOUND: .*nowhere/);
  d.sender = { ...good, site: 'rose-court' };
  assert.match(await failure(d.hello()), /^PERMISSION_DENIED: /);
  d.sender = good;
  assert.match(await failure(d.hello({ protocol_min: 2, protocol_max: 3 })),
    /^FAILED_PRECONDITION: .*protocol/);
  const epoch = d.epoch;
  d.epoch += 1;
  assert.match(await failure(d.batches({ cursor: 1 })), /^FAILED_PRECONDITION: .*epoch/);
  d.epoch = epoch;
  const units = { raw_size: 5, data: encode('PushUnits', {}) };
  assert.match(await failure(d.call('Push', { sender: good, now: {}, units })),
    /^INVALID_ARGUMENT: PushRequest\.units/);
  // After all of that the unit goes in.
  assert.equal((await d.push(unit))[0].status, 'STORED');
});

test('watch sends a number when something changed', async () => {
  const [watcher, writer] = [device(), device()];
  await watcher.hello();
  await writer.hello();
  const held = await watcher.sync();
  const notices = watcher.stream('Watch', { sender: watcher.sender, cursor: held.cursor });
  notices.on('error', () => {}); // cancelled below
  const first = new Promise((resolve) => { notices.once('data', resolve); });
  const file = siteFile('default', 'north-team');
  const [receipt] = await writer.push(writer.unit([person({ name: 'New' })], { file }));
  assert.ok((await first).head >= receipt.sequence);
  notices.cancel();
  assert.ok((await watcher.sync(held)).cursor >= receipt.sequence);
});

test('an attachment travels after its record, in chunks, to those who may see that', async () => {
  const [writer, reader, stranger] = [device(), device(), device('rose-court')];
  for (const d of [writer, reader, stranger]) await d.hello();
  const bytes = randomBytes(400_000);
  const file = uuid7();
  const attachment = { file, sha256: createHash('sha256').update(bytes).digest() };
  const put = { sender: writer.sender, attachment, size: bytes.length, offset: 0,
    data: bytes.subarray(0, 1000) };
  const early = await failure(writer.call('PutChunk', put));
  assert.match(early, /^NOT_FOUND: .*wanted the record first/);
  await writer.push(writer.unit([{ record: uuid7(), kind: 18, create: true, values: encode(ATTACHMENT,
    { sha256: attachment.sha256, size: bytes.length, media_type: 'image/jpeg' }) }], { file }));
  assert.equal(await reader.getAttachment(attachment), undefined, 'not whole yet');
  const repeat = async () => (await writer.call('PutChunk', put)).received;
  assert.deepEqual([await repeat(), await repeat()], [1000, 1000], 'sent twice, stored once');
  assert.ok((await writer.putAttachment(attachment, bytes)).whole);
  assert.deepEqual(await reader.getAttachment(attachment), bytes);
  assert.equal(await failure(stranger.getAttachment(attachment)),
    await failure(stranger.getAttachment({ ...attachment, file: uuid7() })));
  assert.match(await failure(writer.call('PutChunk', { ...put, size: 7, data: Buffer.alloc(1) })),
    /^INVALID_ARGUMENT: PutChunkRequest\.size: got 7/);

  // Bytes that are not those that the record names are dropped, and said to be wrong.
  const other = { file, sha256: createHash('sha256').update('what it says').digest() };
  await writer.push(writer.unit([{ record: uuid7(), kind: 18, create: true,
    values: encode(ATTACHMENT, { sha256: other.sha256, size: 12 }) }], { file }));
  assert.ok((await writer.putAttachment(other, Buffer.from('what it is!!'))).wrong);
  assert.equal(await reader.getAttachment(other), undefined);
});

test('history: who, when, what, and what it replaced', async () => {
  const d = device();
  await d.hello();
  const file = siteFile('default', 'north-team');
  const id = uuid7();
  const create = d.unit([person({ name: 'Peter' }, { id })], { file });
  const edit = d.unit([{ record: id, kind: 1, values: encode(PERSON, { name: 'Pete' }),
    bases: [{ heads: [own(create.counter)] }] }], { file, author: 'M Osei' });
  await d.push(create, edit);
  const { entries } = await d.call('History', { sender: d.sender, record: id });
  assert.deepEqual(
    entries.map((e) => [e.author, e.device_name, e.word, decode(PERSON, e.values).name]),
    [['N Ode', 'node-contract', 'APPLIED', 'Peter'],
      ['M Osei', 'node-contract', 'APPLIED', 'Pete']]);
  assert.deepEqual(entries[1].replaced,
    [`${uuidText(d.sender.incarnation)}:${create.counter}`]);
});

test('a load balancer asks for health, and a tool what there is to call', async () => {
  const stub = new grpc.Client(address, grpc.credentials.createInsecure());
  try {
    assert.equal(await health(stub, ''), 'SERVING');
    assert.equal(await health(stub, 'doorstep.v1.Sync'), 'SERVING');
    assert.match(await failure(health(stub, 'no.such.Service')), /^NOT_FOUND/);
    assert.deepEqual(await listServices(stub),
      ['doorstep.v1.Sync', 'grpc.health.v1.Health', 'grpc.reflection.v1alpha.ServerReflection']);
    assert.deepEqual(await listMethods(stub, 'doorstep.v1.Sync'),
      ['AskAttachments', 'GetChunk', 'Hello', 'History', 'Pull', 'Push', 'PutChunk', 'Watch']);
  } finally {
    stub.close();
  }
});
