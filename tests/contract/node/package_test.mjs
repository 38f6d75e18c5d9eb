// The installed package, as an application's author meets it: CMake, pkg-config, the example.
//
//   node tests/contract/node/package_test.mjs DIRECTORY-OF-PROGRAMS BUILD-DIRECTORY
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { startServer } from './server.mjs';

const [programs, build] = process.argv.slice(2);
const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const example = path.join(here, '../../../client-lib/example');

let server;
let prefix;
before(async () => {
  server = await startServer(programs, ['north']);
  prefix = `${server.dir}/prefix`;
});
after(async () => { assert.equal(await server.stop(), 0); });

function run(command, args, { exit = 0, env = {} } = {}) {
  const done = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, ...env } });
  assert.equal(done.status, exit, `${command} ${args.join(' ')}\n${done.stdout}${done.stderr}`);
  return done.stdout;
}

test('the package installs, elsewhere than where it was built', () => {
  run('cmake', ['--install', build, '--component', 'doorstep', '--prefix', `${server.dir}/first`]);
  fs.renameSync(`${server.dir}/first`, prefix);
});

test('the example builds against it, saves without a link and sends with one', () => {
  const main = fs.readFileSync(`${example}/main.cc`, 'utf8');
  assert.ok(main.split('\n').length < 100, 'an application of under 100 lines');
  const tree = `${server.dir}/example`;
  run('cmake', ['-S', example, '-B', tree, '-G', 'Ninja', `-DCMAKE_PREFIX_PATH=${prefix}`,
    '-DCMAKE_BUILD_TYPE=Release', '-DCMAKE_C_COMPILER=gcc-12', '-DCMAKE_CXX_COMPILER=g++-12']);
  run('cmake', ['--build', tree]);

  const tablet = `${server.dir}/tablet`;
  const note = (address, words, options) =>
    run(`${tree}/visit_notes`, [tablet, address, 'A Khan', words], options);
  assert.equal(note('127.0.0.1:1', 'Wants to go every morning.', { exit: 5 }), 'saved\n');
  assert.equal(note(server.address, 'Alone.'), 'saved\nsent 4, up to date\n');
  const studies = run(`${tree}/visit_notes_c`, [tablet, 'CaseStudy']).trim().split('\n');
  assert.deepEqual(studies.map((line) => JSON.parse(line).record.situation),
    ['Wants to go every morning.\n\nAlone.']);
  run(`${tree}/visit_notes_c`, [tablet, 'Cat'], { exit: 1 });
});

test('pkg-config finds the C interface', () => {
  const found = fs.readdirSync(prefix, { recursive: true })
    .find((name) => name.endsWith('doorstep.pc'));
  const env = { PKG_CONFIG_PATH: path.dirname(`${prefix}/${found}`) };
  const flags = run('pkg-config', ['--cflags', '--libs', 'doorstep'], { env }).trim().split(/\s+/);
  const program = `${server.dir}/lines`;
  run('gcc-12', ['-std=c99', '-Wall', '-Wextra', '-Wpedantic', '-Werror', `${example}/main.c`, '-o',
    program, ...flags]);
  const library = flags.find((flag) => flag.startsWith('-L')).slice(2);
  const people = run(program, [`${server.dir}/tablet`, 'Person'],
    { env: { LD_LIBRARY_PATH: library } });
  assert.equal(JSON.parse(people).record.name, 'Peter Hall');
});
