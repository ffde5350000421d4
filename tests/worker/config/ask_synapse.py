"""Prints what Synapse reads from its files: one line of JSON for each argument, which is a JSON
list of paths."""

import json
import sys

from synapse.config.homeserver import HomeServerConfig
from synapse.config.workers import InstanceTcpLocationConfig

def listener(it):
    http = it.http_options
    where = (
        {"kind": "tcp", "port": it.port, "bindAddresses": it.bind_addresses}
        if hasattr(it, "port")
        else {"kind": "unix", "path": it.path, "mode": it.mode}
    )
    return {
        "type": it.type,
        "address": where,
        "tls": it.is_tls(),
        "resources": [name for r in http.resources for name in r.names] if http else ["metrics"],
        "compress": [name for r in http.resources if r.compress for name in r.names] if http else [],
        "xForwarded": http.x_forwarded if http else False,
        "requestIdHeader": http.request_id_header if http else None,
    }


def location(it):
    if isinstance(it, InstanceTcpLocationConfig):
        return {"kind": "tcp", "host": it.host, "port": it.port, "tls": it.tls}
    return {"kind": "unix", "path": it.path}


def limit(it):
    return it and {"perSecond": it.per_second, "burstCount": it.burst_count}


def read(paths):
    config = HomeServerConfig.load_config("", [word for path in paths for word in ("-c", path)])
    server, worker, auth, registration = config.server, config.worker, config.auth, config.registration
    limits, media, key = config.ratelimiting, config.media, config.key
    return {
        "serverName": server.server_name,
        "publicBaseUrl": server.public_baseurl,
        "servesClientWellKnown": server.serve_client_wellknown,
        "serveServerWellknown": server.serve_server_wellknown,
        "instanceName": worker.instance_name,
        "app": worker.worker_app,
        "listeners": [listener(it) for it in (worker.worker_listeners if worker.worker_app else server.listeners)],
        "instanceMap": {("master" if n == "main" else n): location(it) for n, it in worker.instance_map.items()},
        "streamWriters": {
            name: getattr(worker.writers, name)
            for name in (
                "events typing to_device account_data receipts presence push_rules device_lists"
                " thread_subscriptions quarantined_media_changes"
            ).split()
        },
        "replicationSecret": worker.worker_replication_secret,
        "outboundFederation": worker.outbound_federation_restricted_to.instances,
        "sendsFederation": worker.send_federation,
        "federationSenders": worker.federation_shard_config.instances,
        "startsPushers": worker.start_pushers,
        "pushers": worker.pusher_shard_config.instances,
        "runsBackgroundTasks": worker.run_background_tasks,
        "notifiesAppservices": worker.should_notify_appservices,
        "updatesUserDirectory": worker.should_update_user_directory,
        "hasMediaRepo": media.can_load_media_repo,
        "media": media.can_load_media_repo
        and [media.max_upload_size, media.max_image_pixels, media.media_retention_remote_media_lifetime_ms, media.media_store_path],
        "database": config.database.databases[0].config["args"],
        "redis": config.redis.redis_enabled
        and [
            config.redis.redis_host,
            config.redis.redis_port,
            config.redis.redis_dbid,
            config.redis.redis_username,
            config.redis.redis_password,
        ],
        "signingKeys": [f"{k.alg}:{k.version}" for k in key.signing_key],
        "oldSigningKeys": {name: it.expired for name, it in key.old_signing_keys.items()},
        "keyRefreshIntervalMs": key.key_refresh_interval,
        "trustedKeyServers": [[it.server_name, sorted(it.verify_keys or {})] for it in key.key_servers],
        "macaroonSecretKey": key.macaroon_secret_key.hex(),
        "formSecret": key.form_secret,
        "enableRegistration": registration.enable_registration,
        "registrationSharedSecret": registration.registration_shared_secret,
        "bcryptRounds": registration.bcrypt_rounds,
        "lifetimes": [
            registration.session_lifetime,
            registration.refreshable_access_token_lifetime,
            registration.refresh_token_lifetime,
            registration.nonrefreshable_access_token_lifetime,
        ],
        "autoJoin": [
            registration.auto_join_rooms,
            registration.autocreate_auto_join_room_preset,
            registration.auto_join_user_id,
        ],
        "passwords": [
            auth.password_enabled_for_login,
            auth.password_enabled_for_reauth,
            auth.password_localdb_enabled,
            auth.password_pepper,
            auth.password_policy.get("minimum_length"),
        ],
        "uiAuthSessionTimeoutMs": auth.ui_auth_session_timeout,
        "defaultRoomVersion": server.default_room_version.identifier,
        "filterTimelineLimit": server.filter_timeline_limit,
        "encrypts": sorted(config.room.encryption_enabled_by_default_for_room_presets),
        "forgetRoomsOnLeave": config.room.forget_on_leave,
        "excludeRoomsFromSync": server.rooms_to_exclude_from_sync,
        "presence": [
            server.presence_enabled,
            server.track_presence,
            server.presence_last_active_granularity,
            server.presence_sync_online_timeout,
            server.presence_idle_timeout,
        ],
        "push": [config.push.push_include_content, config.push.push_jitter_delay_ms],
        "pushRuleLimits": [
            config.push_rules.limits.rule_count,
            config.push_rules.limits.rule_id_length,
            config.push_rules.limits.rule_size,
        ],
        "limits": {
            name: limit(getattr(limits, name))
            for name in (
                "rc_message rc_registration rc_registration_token_validity rc_login_address rc_login_account"
                " rc_login_failed_attempts rc_admin_redaction rc_joins_local rc_joins_remote rc_joins_per_room"
                " rc_invites_per_room rc_invites_per_user rc_invites_per_issuer rc_third_party_invite"
                " rc_3pid_validation rc_key_requests rc_media_create rc_presence_per_user rc_delayed_event_mgmt"
                " rc_room_creation rc_reports rc_user_directory rc_profile"
            ).split()
        },
        "federationLimit": [
            limits.rc_federation.window_size,
            limits.rc_federation.sleep_limit,
            limits.rc_federation.sleep_delay,
            limits.rc_federation.reject_limit,
            limits.rc_federation.concurrent,
        ],
    }


for argument in sys.argv[1:]:
    try:
        print(json.dumps(read(json.loads(argument))))
    except Exception as error:  # ConfigError, or whatever the code stumbles over
        print(json.dumps({"refused": f"{type(error).__name__}: {error}"}))
