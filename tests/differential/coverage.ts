/** Whether the histories held what matters: how often each rule refused, and how large the conflicts were. */

import { numberRules, type RuleName } from '../../shared/matrix/event-auth/rules.ts'
import { type RoomVersionId, roomVersions } from '../../shared/matrix/room-version.ts'
import type { OurAnswer } from './ours.ts'
import type { Question } from './question.ts'

/** Of the histories of a version, how many it takes on average until each rule has refused once; rarer is a gap in the generator. */
const HISTORIES_PER_REFUSAL = 100
/** Conflicted events, upper bounds, with the least share of resolutions that has to be there. */
const CONFLICTS: readonly (readonly [upTo: number, leastShare: number])[] = [
  [0, 0],
  [2, 0.05],
  [5, 0.05],
  [10, 0.05],
  [Number.POSITIVE_INFINITY, 0.05],
]

/**
 * Not to be had from these histories: signatures are compared apart; in room version 12 a create event with a room ID is not even
 * read, and an event of another room is refused for that before its auth events are looked at.
 */
const ELSEWHERE: readonly RuleName[] = ['member.authorisingServer']
const ELSEWHERE_IN_V12: readonly RuleName[] = ['create.roomId', 'authEvents.room', ...ELSEWHERE]
/** Rules that allow, or only hold others, refuse nothing. */
const REFUSING_NOTHING =
  /(?:^|\.)(?:allow\w*|create|authEvents|aliases|member|join|restricted|invite|thirdParty|leave|own|ban|knock|powerLevels|changedLevel|changedEntry|newEntry|changedUser|newUser|redaction|thirdPartyInvite|unban)$/

export interface Coverage {
  add(question: Question, answer: OurAnswer): void
  /** A table for people. */
  print(): string
  /** What did not come up often enough; empty: all did. */
  gaps(): string[]
}

interface Counts {
  histories: number
  events: number
  checks: number
  allowed: number
  readonly refusals: Map<string, number>
  readonly conflicts: number[]
}

export const makeCoverage = (): Coverage => {
  const versions = new Map<RoomVersionId, Counts>()
  return {
    add(question, answer) {
      const counts = versions.get(question.version) ?? {
        histories: 0,
        events: 0,
        checks: 0,
        allowed: 0,
        refusals: new Map(),
        conflicts: CONFLICTS.map(() => 0),
      }
      versions.set(question.version, counts)
      counts.histories++
      counts.events += question.events.length
      for (const refusal of answer.refusals) {
        counts.checks++
        if (refusal === undefined) counts.allowed++
        else counts.refusals.set(refusal.rule, (counts.refusals.get(refusal.rule) ?? 0) + 1)
      }
      for (const size of answer.conflicts) counts.conflicts[CONFLICTS.findIndex(([upTo]) => size <= upTo)]!++
    },
    print() {
      const columns = [...versions]
      const row = (name: string, cells: readonly (string | number)[]) =>
        name.padEnd(42) + cells.map((cell) => `${cell}`.padStart(8)).join('')
      const refusals = columns.map(
        ([version, counts]) => new Map(refusalsOf(version, counts).map(([name, , count]) => [name, count])),
      )
      const names = [...new Set(refusals.flatMap((counts) => [...counts.keys()]))]
      return [
        row(
          'room version',
          columns.map(([version]) => version),
        ),
        row(
          'histories',
          columns.map(([, { histories }]) => histories),
        ),
        row(
          'events',
          columns.map(([, { events }]) => events),
        ),
        row(
          'authorisations',
          columns.map(([, { checks }]) => checks),
        ),
        row(
          'allowed, %',
          columns.map(([, { allowed, checks }]) => ((100 * allowed) / checks).toFixed(0)),
        ),
        'refused by rule (event-auth/rules.ts has the numbers)',
        ...names.map((name) =>
          row(
            `  ${name}`,
            refusals.map((counts) => counts.get(name) ?? '-'),
          ),
        ),
        'resolutions by events in conflict',
        ...CONFLICTS.map((_, i) =>
          row(
            `  ${spanOf(i)}`,
            columns.map(([, { conflicts }]) => conflicts[i]!),
          ),
        ),
      ].join('\n')
    },
    gaps() {
      const found: string[] = []
      for (const [version, counts] of versions) {
        const elsewhere = roomVersions[version].roomIdIsCreateHash ? ELSEWHERE_IN_V12 : ELSEWHERE
        const least = Math.floor(counts.histories / HISTORIES_PER_REFUSAL)
        for (const [name, rule, count] of refusalsOf(version, counts))
          if (count < least && !elsewhere.includes(name))
            found.push(
              `room version ${version}, rule ${rule} (${name}): refused ${count} times, at least ${least} wanted`,
            )
        const total = counts.conflicts.reduce((sum, count) => sum + count, 0)
        CONFLICTS.forEach(([, share], i) => {
          if (counts.conflicts[i]! < Math.floor(share * total))
            found.push(
              `room version ${version}: ${counts.conflicts[i]} of ${total} resolutions with ${spanOf(i)} events in conflict`,
            )
        })
      }
      return found
    },
  }
}

const refusalsOf = (version: RoomVersionId, { refusals }: Counts): [RuleName, string, number][] =>
  [...numberRules(roomVersions[version])]
    .filter(([name, rule]) => refusals.has(rule) || !REFUSING_NOTHING.test(name))
    .map(([name, rule]) => [name, rule, refusals.get(rule) ?? 0])

const spanOf = (index: number): string => {
  const from = index === 0 ? 0 : CONFLICTS[index - 1]![0] + 1
  const to = CONFLICTS[index]![0]
  return from === to ? `${to}` : to === Number.POSITIVE_INFINITY ? `over ${from - 1}` : `${from}–${to}`
}
