/** What processes ask of each other over HTTP: `/_synapse/replication/<name>/<arguments>[/<transaction>]` (Synapse 1.163). */

export interface ReplicationEndpoint {
  readonly method: 'POST' | 'GET'
  /** In the path, each percent-encoded whole, in this order. */
  readonly args: readonly string[]
  /**
   * The path ends in a transaction ID, and the answer is kept under it, so that asking again does nothing again. Without
   * one, doing it twice must come to the same.
   */
  readonly hasTransaction: boolean
  /** Both sides wait until they have seen what the other wrote; not where that would wait for itself. */
  readonly waitsForStreams: boolean
}

const post = (...args: readonly string[]): ReplicationEndpoint => ({
  method: 'POST',
  args,
  hasTransaction: false,
  waitsForStreams: true,
})
const postOnce = (...args: readonly string[]): ReplicationEndpoint => ({ ...post(...args), hasTransaction: true })

export const replicationEndpoints = {
  // Events: to their persister.
  send_events: postOnce(),
  fed_send_events: postOnce(),
  update_current_state: postOnce('room_id'),
  // Account data, tags.
  add_user_account_data: post('user_id', 'account_data_type'),
  remove_user_account_data: post('user_id', 'account_data_type'),
  add_room_account_data: post('user_id', 'room_id', 'account_data_type'),
  remove_room_account_data: post('user_id', 'room_id', 'account_data_type'),
  add_tag: post('user_id', 'room_id', 'tag'),
  remove_tag: post('user_id', 'room_id', 'tag'),
  // Devices and keys.
  notify_device_update: post('user_id'),
  notify_user_signature_update: post('from_user_id'),
  multi_user_device_resync: postOnce(),
  handle_new_device_update: post(),
  device_handle_room_un_partial_stated: postOnce('room_id'),
  // Presence.
  presence_set_state: post('user_id'),
  bump_presence_active_time: post('user_id'),
  // Push.
  remove_pusher: post('user_id'),
  delete_all_pushers_for_user: post('user_id'),
  copy_push_rules: post('user_id', 'old_room_id', 'new_room_id'),
  // Accounts, profiles: to main, profiles to an events writer.
  register_user: postOnce('user_id'),
  post_register: postOnce('user_id'),
  device_check_registered: postOnce('user_id'),
  notify_account_deactivated: postOnce('user_id'),
  profile_set_field: post('user_id'),
  profile_delete_field: post('user_id'),
  // Membership, other servers.
  membership_change: post('room_id', 'user_id', 'change'),
  remote_join: postOnce('room_id', 'user_id'),
  remote_knock: postOnce('room_id', 'user_id'),
  remote_reject_invite: postOnce('invite_event_id'),
  remote_rescind_knock: postOnce('knock_event_id'),
  fed_send_edu: postOnce('edu_type'),
  fed_query: post('query_type'),
  fed_cleanup_room: postOnce('room_id'),
  store_room_on_outlier_membership: postOnce('room_id'),
  // Delayed events.
  added_delayed_event: post(),
  cancel_delayed_events_for_user: post('user_localpart'),
  // Plexus' own, of what Synapse's processes do for their own clients only: no other process asks for them. All in the body.
  /** `{room_id, user_id, timeout_ms}`; 0: types no more. */
  plexus_set_typing: post(),
  /** `{room_id, receipt_type, user_id, event_id, thread_id}` → `{is_new}`. */
  plexus_add_receipt: post(),
  /** `{sender, type, messages: {user: {device: content as text}}, transaction}`: `worker/to-device/inbox.ts`. */
  plexus_send_to_device: postOnce(),
  /** `{user_id, change}`: `worker/push/rule-changes.ts`. */
  plexus_change_push_rule: post(),
  /** `{thread, subscribe, cause}`: `worker/push/thread-subscriptions.ts`. */
  plexus_change_thread_subscription: post(),
  // Streams in a writer's memory: `?from_token&upto_token` → {updates, upto_token, limited}.
  get_repl_stream_updates: { method: 'GET', args: ['stream_name'], hasTransaction: true, waitsForStreams: false },
} as const satisfies Readonly<Record<string, ReplicationEndpoint>>

export type ReplicationEndpointName = keyof typeof replicationEndpoints

export const replicationEndpoint = (name: string): ReplicationEndpoint | undefined =>
  Object.hasOwn(replicationEndpoints, name) ? replicationEndpoints[name as ReplicationEndpointName] : undefined
