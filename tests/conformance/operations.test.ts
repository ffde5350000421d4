import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CheckedAnswers, specification } from '../harness/checked-answers.ts'
import { startPostgres } from '../harness/postgres.ts'
import { missingMaterial } from '../shared/material.ts'
import { callAll } from './operations/call-all.ts'
import { media, notServedYet, refused } from './operations/exceptions.ts'

const postgres = await startPostgres()

test('every operation of the specification is served, and answers as it says', { skip: missingMaterial }, async (t) => {
  let called: CheckedAnswers['called'] | undefined
  const results = await callAll(t, postgres, 'plexus', (hs) => {
    called = hs.called
  })
  const excused = new Set([...Object.keys(refused), ...notServedYet])
  const problems = results.flatMap(({ operation, problem }) =>
    problem === undefined || excused.has(operation) ? [] : [`${operation}: ${problem}`],
  )
  assert.deepEqual(problems, [])

  const { operations } = specification()
  assert.equal(operations.length, 166)
  const answered = ({ name }: { readonly name: string }) =>
    [...(called!.get(name) ?? [])].some((status) => status < 400)
  const uncalled = operations.filter((operation) => !answered(operation)).map(({ name }) => name)
  assert.deepEqual(
    uncalled.filter((name) => !excused.has(name) && !media.includes(name)),
    [],
    'called by no test, or never with success',
  )
  const served = notServedYet.filter((name) => !uncalled.includes(name))
  if (served.length > 0) t.diagnostic(`served by now, to be taken off the list: ${served.join(', ')}`)
})
