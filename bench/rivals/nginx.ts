/** nginx as Synapse's documentation has it in front of workers, tuned where its defaults would cost it time. */

import type { Setup } from '../contestants.ts'
import { DOCUMENTED, GROUPS, type HashKey } from './table.ts'

const HASH: Record<HashKey, string> = { user: '$user_key', room: '$room_key', source_ip: '$remote_addr' }

/**
 * Differences from a plain installation, each of them in nginx's favour: JIT for the regexes; upstream connections kept
 * (they are not by default); one worker, as all contestants have one process; media streamed both ways with large
 * buffers instead of passing through temporary files; the access log buffered.
 */
export const nginxConf = ({ port, upstreams, folder, log }: Setup): string => `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
worker_rlimit_nofile 65536;
pid ${folder}/nginx.pid;
error_log ${folder}/nginx.error.log warn;
pcre_jit on;
events { worker_connections 60000; }

http {
  access_log ${log ? `${folder}/nginx.access.log combined buffer=64k flush=1s` : 'off'};
  client_body_temp_path ${folder}/nginx-body; proxy_temp_path ${folder}/nginx-proxy;
  fastcgi_temp_path ${folder}/nginx-f; uwsgi_temp_path ${folder}/nginx-u; scgi_temp_path ${folder}/nginx-s;
  keepalive_timeout 75s;
  keepalive_requests 100000000;
  client_max_body_size 50m;
  client_body_buffer_size 128k;

  map $arg_access_token $token_in_query {
    default $arg_access_token;
    "~^syt_(?<q_user>.*?)_" $q_user;
  }
  map $http_authorization $user_key {
    default $http_authorization;
    "~^Bearer syt_(?<h_user>.*?)_" $h_user;
    "" $token_in_query;
  }
  map $arg_since $by_since { default sync; "" initial_sync; }
  map $uri $room_key {
    default $uri;
    "~^/_matrix/client/[^/]+/(?:v1/)?rooms/(?<room>[^/]+)" $room;
    "~^/_matrix/client/[^/]+/(?:v1/)?(?:join|knock)/(?<room_or_alias>[^/]+)" $room_or_alias;
  }
${GROUPS.map(
  (group) => `
  upstream ${group.name} {
    ${group.hash ? `hash ${HASH[group.hash]} consistent;` : ''}
    ${upstreams[group.name]!.map((worker) => `server 127.0.0.1:${worker} max_fails=0;`).join(' ')}
    keepalive 256; keepalive_requests 100000000; keepalive_timeout 55s;
  }`,
).join('')}

  server {
    listen 127.0.0.1:${port} default_server backlog=4096;
    server_name _;

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header Host $http_host;
    proxy_read_timeout 600s;
    proxy_next_upstream off;

${DOCUMENTED.map(([regex, group]) => {
  const streamed =
    group === 'media' ? ' proxy_request_buffering off; proxy_buffers 8 128k; proxy_max_temp_file_size 0;' : ''
  return `    location ~ ${regex} {${streamed} proxy_pass http://${group === 'by since' ? '$by_since' : group}; }`
}).join('\n')}
    location / { proxy_pass http://main; }
  }
}
`
