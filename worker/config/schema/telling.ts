/** Logs and metrics. */

import { optional, withDefault } from '../../../shared/config/decode.ts'
import { filledText, flag } from '../../../shared/synapse-config/types.ts'
import { noEffect, notYet, refused } from '../keys.ts'

export const tellingKeys = {
  log_config: optional(
    filledText('a path'),
    'INFO and above',
    'The main process’ logging configuration, as Python has it: its levels count, and where it would write to does not. Lines of JSON go to standard output.',
    '/etc/synapse/log.yaml',
  ),
  worker_log_config: optional(
    filledText('a path'),
    'INFO and above',
    'The same of this worker.',
    '/etc/synapse/worker.log.yaml',
  ),
  enable_metrics: withDefault(
    flag,
    'false',
    'Whether there are metrics for Prometheus, on listeners of type or resource `metrics`.',
    'true',
  ),
  metrics_flags: noEffect('there are no metrics to add', { example: '{known_servers: true}' }),
  log_file: refused('removed in Synapse 1.3: write log_config', { example: '/var/log/hs.log' }),
  no_redirect_stdio: noEffect('standard output and error are left alone', { harmless: 'off' }),
  report_stats: noEffect('nothing is reported to anyone', { example: 'false' }),
  report_stats_endpoint: noEffect('nothing is reported to anyone', { example: 'https://example.org' }),
  sentry: notYet('errors are in the log alone', { example: '{dsn: abc}' }),
  opentracing: notYet('there are no traces'),
  soft_file_limit: noEffect('the limit of open files is the service manager’s to set', { example: '0' }),
  gc_thresholds: noEffect('there is no Python', { example: '[500, 10, 10]' }),
  gc_min_interval: noEffect('there is no Python', { example: '[1s, 30s, 1m]' }),
  use_frozen_dicts: noEffect('there is no Python', { example: 'false' }),
  server_context: noEffect('names nothing here', { example: 'context' }),
  replication_torture_level: noEffect('replication is not tortured', { example: '100' }),
}
