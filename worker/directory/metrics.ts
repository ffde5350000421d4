/** In Prometheus' text format, under Synapse's name: how far those who follow the stream `events` are. */
export function followerMetrics(serverName: string, positions: ReadonlyMap<string, number | undefined>): string {
  const lines = [...positions].flatMap(([name, position]) =>
    position === undefined ? [] : [`${NAME}{name="${name}",server_name="${serverName}"} ${position}\n`],
  )
  return lines.length === 0 ? '' : `# HELP ${NAME} ${HELP}\n# TYPE ${NAME} gauge\n${lines.join('')}`
}

const NAME = 'synapse_event_processing_positions'
const HELP = 'How far those who follow the stream events are'
