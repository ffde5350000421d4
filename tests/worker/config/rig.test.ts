import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { formatProblem } from '../../../shared/config/problem.ts'
import { readConfigFiles, readWorkerFiles } from '../../../shared/synapse-config/sources.ts'
import { checkDeployment } from '../../../worker/config/check.ts'
import { roleOf } from '../../../worker/config/role.ts'
import { pythonWith } from '../../harness/python.ts'

const rig = process.env.RIG_HOME ?? join(import.meta.dirname, '../../../../shared/rig')
const found = pythonWith('yaml')
const skip =
  'missing' in found
    ? found.missing
    : existsSync(join(rig, 'gen.py'))
      ? false
      : `no gen.py in ${rig}: RIG_HOME names its folder`

for (const [profile, unix, processes] of [
  ['mono', '0', 1],
  ['small', '0', 3],
  ['small', '1', 3],
  ['full', '0', 20],
] as const)
  test(`what the rig writes for Synapse is read without an error: ${profile}${unix === '1' ? ' over Unix sockets' : ''}`, {
    skip,
  }, (t) => {
    assert.ok('python' in found)
    const folder = mkdtempSync(join(tmpdir(), 'rig-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const made = spawnSync(
      'bash',
      ['-c', '. "$RIG_HOME/env.sh" && "$0" "$RIG_HOME/gen.py" "$1"', found.python, profile],
      {
        env: { ...process.env, RIG_HOME: rig, RIG_DIR: folder, RIG_UNIX: unix },
        encoding: 'utf8',
      },
    )
    assert.equal(made.status, 0, made.stderr)
    const shared = readConfigFiles([join(folder, 'homeserver.yaml')])
    const workers = readWorkerFiles([join(folder, 'workers')])
    assert.ok(typeof shared !== 'string' && typeof workers !== 'string')
    const deployment = checkDeployment(shared, workers)
    assert.deepEqual(
      deployment.problems
        .filter(({ severity }) => severity !== 'note')
        .map((problem) => formatProblem(problem).replaceAll(folder, '')),
      [
        '/homeserver.yaml:7:19: warning: signing_key_path: /signing.key: no such file: the main process makes it at its first start',
        `/workers/main.log.yaml:5:1: warning: handlers: not used: logs go to standard output, as lines of JSON, not where file would write${processes === 1 ? '' : ` (so in ${processes - 1} more files)`}`,
      ],
    )
    assert.equal(deployment.processes.length, processes)
    const writers = deployment.processes.filter(({ config }) => roleOf(config).writes.has('events'))
    assert.deepEqual(
      writers.map(({ config }) => config.instanceName),
      { mono: ['master'], small: ['client1'], full: ['persister1', 'persister2'] }[profile],
    )
  })
