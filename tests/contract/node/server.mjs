// A real server on loopback, with sites, for a test.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

// `sites`: "SITE", or "TENANT:SITE" for a tenant of its own. Returns {address, dir, run, stop}.
export async function startServer(programs, sites) {
  const program = path.resolve(programs ?? '.', 'doorstep-server');
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'doorstep-contract-'));
  const data = ['--data', `${dir}/data`];
  // Where devices of this test keep their secrets: this process, and what it starts.
  process.env.DOORSTEP_KEYS = `${dir}/keys`;
  const run = (...command) => {
    const made = spawnSync(program, [...command, ...data], { encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
  };
  for (const each of sites) {
    const [site, tenant] = each.split(':').reverse();
    if (tenant) run('tenant', 'add', tenant);
    run('site', 'add', ...(tenant ? ['--tenant', tenant] : []), '--id', site, '--name', site);
  }
  const portFile = `${dir}/port`;
  const server = spawn(program, ['serve', ...data, '--listen', '127.0.0.1:0',
    '--port-file', portFile, '--dev-loopback'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const deadline = Date.now() + 30_000;
  while (!fs.existsSync(portFile) || fs.readFileSync(portFile, 'utf8').trim() === '') {
    assert.ok(Date.now() < deadline && server.exitCode === null, 'the server did not start');
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  return {
    dir,
    address: `127.0.0.1:${fs.readFileSync(portFile, 'utf8').trim()}`,
    // Its exit code.
    async stop() {
      server.kill('SIGTERM');
      const code = await new Promise((resolve) => {
        if (server.exitCode !== null) resolve(server.exitCode);
        server.on('exit', resolve);
      });
      fs.rmSync(dir, { recursive: true });
      return code;
    },
  };
}
