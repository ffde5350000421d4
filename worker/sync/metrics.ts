import type { Notifier } from './notifier.ts'

/** In Prometheus' text format, under Synapse's names. */
export const notifierMetrics = ({ users, rooms, waiting }: ReturnType<Notifier['numbers']>): string =>
  [
    gauge('synapse_notifier_listeners', 'Long polls that wait', waiting),
    gauge('synapse_notifier_users', 'Users who are watched: those who wait, and those who did lately', users),
    gauge('synapse_notifier_rooms', 'Rooms that they are in', rooms),
  ].join('')

const gauge = (name: string, help: string, value: number): string =>
  `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`
