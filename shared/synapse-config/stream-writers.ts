/** `stream_writers`: which processes write which stream. */

import { record, type Type } from '../config/decode.ts'
import { didYouMean } from '../config/did-you-mean.ts'
import { MASTER } from './processes.ts'
import { SINGLE_WRITERS, STREAMS } from './streams.ts'
import { names } from './types.ts'

const written = names('a name or a list of names')

/** Streams and the names of their writers as they are written. What no Synapse starts with is an error. */
export const streamWritersType: Type<ReadonlyMap<string, readonly string[]>> = {
  expected: 'a map of streams',
  read: (node, path, reading) => {
    const raw = record((text) => streamName(text), written, 'a map of streams').read(node, path, reading)
    if (!raw) return undefined
    const writers = new Map<string, readonly string[]>()
    for (const [stream, processes] of raw) {
      if (!processes || !STREAMS.has(stream)) continue
      writers.set(stream, processes)
      const at = `${path}.${stream}`
      if (processes.length === 0) reading.problem(at, 'nobody writes it: Synapse will not start')
      if (SINGLE_WRITERS.has(stream) && SINGLE_WRITERS.get(stream) === undefined && processes.length > 1)
        reading.problem(at, `${stream} has one writer in Synapse, not ${processes.length}: ${processes.join(', ')}`)
      if (new Set(processes).size < processes.length) reading.problem(at, 'names a writer twice')
      if (processes.includes('main'))
        reading.warn(at, `the main process is called ${MASTER} here: no worker of Synapse will start with main`)
    }
    return writers
  },
}

const streamName = (text: string) => {
  if (STREAMS.has(text)) return { value: text }
  const meant = didYouMean(text, STREAMS)
  return {
    mistake: `no stream of Synapse${meant === undefined ? '' : `, did you mean ${meant}?`}: it will not start with it`,
  }
}
