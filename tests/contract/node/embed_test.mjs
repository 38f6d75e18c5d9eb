// The shared library as other languages load it: the symbols that it exports, its size, and a round
// of capture, search, sync, conflict and decision from Node.js and from Java, in both of which
// threads of the library call back.
//
//   node tests/contract/node/embed_test.mjs DIRECTORY-OF-PROGRAMS LIBDOORSTEP.SO
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import koffi from 'koffi';

import { startServer } from './server.mjs';

const [programs, library] = process.argv.slice(2);
const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const header = fs.readFileSync(path.join(here, '../../../client-lib/include/doorstep.h'), 'utf8');

let server;
before(async () => { server = await startServer(programs, ['north']); });
after(async () => { assert.equal(await server.stop(), 0); });

// The prototypes of doorstep.h, as koffi reads them.
function prototypes() {
  const code = header.replace(/\/\*[^]*?\*\//g, '').replace(/#.*/g, '');
  return [...code.matchAll(/^[a-z][a-z_ ]*[ *]+(doorstep_\w+)\(([^;]*)\);/gm)]
    .map((match) => ({ name: match[1], text: match[0].replace(/\s+/g, ' ') }));
}

test('the library exports the functions of doorstep.h and nothing else', () => {
  const named = prototypes().map((each) => each.name).sort();
  assert.ok(named.length > 40, `${named.length} functions were found in doorstep.h`);
  const nm = spawnSync('nm', ['-D', '--defined-only', library], { encoding: 'utf8' });
  assert.equal(nm.status, 0, nm.stderr);
  const exported = nm.stdout.trim().split('\n').map((line) => line.split(' ').at(-1)).sort();
  assert.deepEqual(exported, named);
});

test('its stripped size', () => {
  const stripped = `${server.dir}/stripped.so`;
  assert.equal(spawnSync('strip', ['-o', stripped, library]).status, 0);
  const { size } = fs.statSync(stripped);
  console.log(`libdoorstep.so, stripped: ${(size / 1e6).toFixed(1)} MB`);
  assert.ok(size < 8e6, `got ${size} bytes, wanted a library that a phone can carry`);
});

// doorstep.h as JavaScript functions: an error is thrown, outputs are returned.
function load() {
  const lib = koffi.load(library);
  for (const handle of ['error', 'replica', 'record', 'edits', 'link', 'observer', 'loop']) {
    koffi.opaque(`doorstep_${handle}`);
  }
  koffi.proto('int doorstep_visit(void* context, const char* json)');
  koffi.proto('void doorstep_tell(void* context, const char* json)');
  koffi.proto('int doorstep_sink(void* context, void* bytes, size_t size)');
  koffi.proto('int doorstep_source(void* context, void* buffer, size_t size)');
  const api = {};
  for (const { name, text } of prototypes()) {
    const outputs = text
      .replace(/doorstep_(visit|tell|sink|source) (\w+)/g, 'doorstep_$1* $2')
      .replace(/unsigned char/g, 'uint8_t')
      .replace(/(doorstep_\w+|char)\*\* (\w+)/g, '_Out_ $1** $2');
    api[name.slice('doorstep_'.length)] = lib.func(outputs);
  }
  const checked = (code, error) => {
    if (code === 0) return;
    const thrown = new Error(api.error_message(error[0]));
    thrown.code = code;
    thrown.case = api.error_case(error[0]);
    api.error_free(error[0]);
    throw thrown;
  };
  return {
    api,
    // The function's last arguments are one output and the error.
    out(name, ...given) {
      const out = [null];
      const error = [null];
      checked(api[name](...given, out, error), error);
      return out[0];
    },
    call(name, ...given) {
      const error = [null];
      checked(api[name](...given, error), error);
    },
    json(name, ...given) {
      return JSON.parse(this.out(name, ...given));
    },
    // Of a function that waits for a thread of the library. That thread may be waiting for this one,
    // on which JavaScript runs: so it is called from another.
    free(name, handle) {
      return new Promise((resolve) => { api[name].async(handle, resolve); });
    },
    // Calls `read` with what a thread of the library tells, in this one, when it is idle.
    tell(read) {
      return koffi.register((_, json) => read(JSON.parse(json)), 'doorstep_tell *');
    },
  };
}

const d = load();

test('every function that is given nothing says what it lacks', () => {
  for (const { name, text } of prototypes().filter((each) => each.text.includes('error** error'))) {
    const given = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')')).split(', ').slice(0, -1);
    const pointers = given.map((each) => each.match(/\w+$/)[0]);
    const nothing = given.map((each) => (/^(int|size_t) \w+$/.test(each) ? 0 : null));
    assert.throws(() => d.call(name.slice('doorstep_'.length), ...nothing), (error) => {
      assert.equal(error.code, 3, name);
      const named = error.message.match(/^(\w+): got NULL$/)?.[1];
      assert.ok(pointers.includes(named), `${name}: ${error.message}`);
      return true;
    });
  }
});

test('capture, search, sync, conflict, decision: Node.js', async () => {
  assert.equal(d.api.interface(), 2);
  const tablet = (name) => {
    const dir = `${server.dir}/${name}`;
    d.call('init', dir, JSON.stringify({ site: 'north', device_name: name, user: name }));
    return d.out('open', dir, null);
  };
  const change = (replica, fill) => {
    const edits = d.api.edits_new(null);
    fill(edits);
    const ids = d.json('commit', replica, edits);
    d.api.edits_free(edits);
    return ids;
  };
  const sync = (replica) => {
    const link = d.out('link_new', server.address, null);
    const steps = [];
    const told = (_, json) => { steps.push(JSON.parse(json).step); return 0; };
    const result = d.json('sync', replica, link, told, null);
    assert.equal(steps.at(-1), 'DONE');
    d.api.link_free(link);
    return result;
  };

  const [a, b] = [tablet('A Khan'), tablet('J Price')];
  const [id] = change(a, (edits) => d.call('edits_add_json', edits, 'RiskAssessment',
    '{"activity":"To the newsagent, alone","residual_rating":{"likelihood":2,"severity":3}}',
    '{"file":"new"}'));
  const [hit] = d.json('search', a, 'newsag*', null);
  assert.deepEqual([hit.record, hit.found], [id, ['newsagent']]);
  assert.equal(sync(a).outcomes.APPLIED, 1);
  sync(b);
  for (const [replica, likelihood] of [[a, 1], [b, 4]]) {
    const record = d.out('get', replica, id);
    change(replica, (edits) => d.call('edits_update_json', edits, record,
      JSON.stringify({ residual_rating: { likelihood, severity: 3 } })));
    d.api.record_free(record);
  }
  sync(a); sync(b); sync(a);

  // A third tablet, which nobody touches: a loop keeps it up to date, an observer tells of it.
  d.api.close(tablet('M Osei'));
  const third = `${server.dir}/M Osei`;
  let decided;
  const rating = new Promise((resolve) => { decided = resolve; });
  const told = d.tell(({ rows }) => { if (rows[0]?.[1] === 0) decided(rows[0][0]); });
  const attempts = [];
  const attempt = d.tell((each) => { attempts.push(each); });
  const observer = d.out('observer_start', third, 'SELECT residual_rating_likelihood, '
    + '(SELECT count(*) FROM _conflict) FROM risk_assessment', told, null);
  const loop = d.out('loop_start', third, server.address, null, attempt, null, null);

  const [conflict] = d.json('conflicts', a);
  // Changes of the same moment may be listed in either order: each device's clock is an estimate.
  const versions = conflict.versions.map((version) => version.value.likelihood);
  assert.deepEqual([...versions].sort(), [1, 4]);
  const record = d.out('get', a, id);
  assert.deepEqual(d.json('record_json', record).residual_rating, { likelihood: 4, severity: 3 });
  assert.throws(() => change(a, (edits) => d.call('edits_update_json', edits, record,
    '{"residual_rating":{"likelihood":5,"severity":5}}')), { code: 9, case: conflict.case });
  d.api.record_free(record);

  const reviewer = d.api.edits_new('M Osei');
  d.call('edits_settle', reviewer, conflict.case,
    JSON.stringify({ seen: conflict.seen, keep: versions.indexOf(4) + 1, reason: 'seen together' }));
  d.out('commit', a, reviewer);
  d.api.edits_free(reviewer);
  sync(a); sync(b);
  const rows = [];
  for (const replica of [a, b]) {
    d.call('query', replica, 'SELECT residual_rating_likelihood FROM risk_assessment',
      (_, json) => { rows.push(JSON.parse(json).cells[0]); return 0; }, null);
    assert.equal(d.json('status', replica).conflicts, 0);
  }
  assert.deepEqual(rows, [4, 4]);
  assert.equal(d.json('digest', a, 0).digest, d.json('digest', b, 1).digest);
  assert.equal(await rating, 4);
  await d.free('loop_free', loop);
  await d.free('observer_free', observer);
  assert.ok(attempts.length > 0 && attempts.every((each) => each.result), JSON.stringify(attempts));
  for (const callback of [told, attempt]) koffi.unregister(callback);

  // A photograph: it goes when the limits let it, also by the loop.
  const photo = Buffer.from('a photograph');
  const attached = d.out('attach_bytes', a, photo, photo.length, JSON.stringify({ file: id }));
  const syncWith = (replica, options) => {
    const link = d.out('link_new', server.address, null);
    const result = d.json('sync_with', replica, link, JSON.stringify(options), null, null);
    d.api.link_free(link);
    return result;
  };
  const moved = (result) => [result.attachment_bytes_sent, result.attachment_bytes_received];
  assert.deepEqual(moved(syncWith(a, { attachments: 'none' })), [0, 0]);
  assert.deepEqual(moved(syncWith(a, { attachments: 'asked' })), [0, 0]);
  assert.deepEqual(moved(syncWith(a, { budget_bytes: 5 })), [5, 0]);
  assert.equal(d.json('status', a).attachment_bytes_waiting, photo.length - 5);
  const once = async (replica, options) => {
    let tried;
    const first = new Promise((resolve) => { tried = resolve; });
    const tell = d.tell((each) => tried(each));
    const running = d.out('loop_start', replica, server.address, JSON.stringify(options), tell,
      null, null);
    const { result } = await first;
    await d.free('loop_free', running);
    koffi.unregister(tell);
    return result;
  };
  assert.deepEqual(moved(await once(`${server.dir}/A Khan`, { attachments: 'none' })), [0, 0]);
  assert.deepEqual(moved(await once(`${server.dir}/A Khan`, {})), [photo.length - 5, 0]);
  assert.deepEqual(moved(syncWith(b, { unasked_bytes: photo.length - 1 })), [0, 0]);
  const state = () => d.json('attachments', b).find((each) => each.record === attached).state;
  assert.equal(state(), 'NOT_ASKED');
  assert.deepEqual(moved(syncWith(b, { unasked_bytes: photo.length })), [0, photo.length]);
  assert.equal(state(), 'HERE');

  // All of one tablet as text, and into another that has never met a server.
  let text = '';
  d.out('export', a, null, (_, bytes, size) => {
    text += Buffer.from(koffi.view(bytes, size)).toString();
    return 0;
  }, null);
  const lonely = tablet('lonely');
  let rest = Buffer.from(text);
  const imported = d.json('import', lonely, null, (_, buffer, size) => {
    const count = rest.copy(Buffer.from(koffi.view(buffer, size)));
    rest = rest.subarray(count);
    return count;
  }, null);
  assert.deepEqual([imported.imported, imported.attachments_missing], [2, 1],
    JSON.stringify(imported));
  assert.equal(d.json('why', lonely, id).reasons[0].code, 'WRITTEN_HERE');
  for (const replica of [a, b, lonely]) d.api.close(replica);
});

test('capture, search, sync, conflict, decision: Java', () => {
  const javas = fs.readdirSync('/usr/lib/jvm').filter((name) => name.startsWith('java-17-openjdk-'));
  assert.equal(javas.length, 1, 'tools/setup installs a JDK 17');
  const java = `/usr/lib/jvm/${javas[0]}/bin/java`;
  const run = spawnSync(java, ['--add-modules', 'jdk.incubator.foreign',
    '--enable-native-access=ALL-UNNAMED', path.join(here, '../java/Round.java'),
    path.resolve(library), server.address, server.dir], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  assert.match(run.stdout, /both tablets agree/);
});
