// tests/contract/c/smoke.c against a server, on this machine or (tools/cross) on one in qemu.
//
//   node tests/contract/node/smoke_test.mjs DIRECTORY-OF-PROGRAMS COMMAND...
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

import { startServer } from './server.mjs';

const [programs, ...command] = process.argv.slice(2);

test('records, search, opening again, observing, sync: C', async () => {
  const server = await startServer(programs, ['north']);
  const [program, ...args] = [...command, `${server.dir}/tablet`, server.address];
  const run = spawnSync(program, args, { encoding: 'utf8', timeout: 120_000 });
  assert.equal(run.status, 0, `${run.error ?? ''}${run.stdout}${run.stderr}`);
  assert.equal(run.stdout, 'recorded, found, opened again\nreceived by the second tablet\n');
  assert.equal(await server.stop(), 0);
});
