"""Does with the installed Synapse's own functions what bench/core.ts has the protocol core do, and says how long it took.

One JSON object a line in, one a line out. `load`: events of a room. `prepare`: inputs of a row are made into what Synapse has in
memory when it does that work (event objects, parsed keys, compiled push rules, rows that its database would return); the
answer is what comes out. `run`: only that work, a number of times; µs of CPU.
"""

import gc
import hashlib
import json
import logging
import platform
import sys
import time
from importlib.metadata import version

from canonicaljson import encode_canonical_json
from signedjson.key import decode_signing_key_base64, decode_verify_key_bytes
from synapse import event_auth
from synapse.api.errors import AuthError
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS
from synapse.crypto.event_signing import (
    add_hashes_and_signatures,
    check_event_content_hash,
    compute_content_hash,
    compute_event_reference_hash,
)
from synapse.crypto.keyring import Keyring
from synapse.events import make_event_from_dict
from synapse.federation.federation_base import _check_sigs_on_pdu, event_from_pdu_json
from synapse.push.bulk_push_rule_evaluator import _flatten_dict
from synapse.state import v1, v2
from synapse.storage.databases.main.event_federation import StateDifference
from synapse.storage.keys import FetchKeyResult
from synapse.synapse_rust.push import FilteredPushRules, PushRule, PushRuleEvaluator, PushRules
from synapse.util.json import json_decoder
from unpaddedbase64 import decode_base64, encode_base64


def digest(results):
    return hashlib.sha256("\n".join(results).encode()).hexdigest()


def run(coroutine):
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waited")


class Room:
    def __init__(self, version):
        self.version = KNOWN_ROOM_VERSIONS[version]
        self.events = []
        self.by_id = {}

    def load(self, events):
        for one in events:
            event = make_event_from_dict(one, self.version)
            self.events.append(event)
            self.by_id[event.event_id] = event

    async def get_events(self, ids, redact_behaviour=None, allow_rejected=False, get_prev_content=False):
        return {id: self.by_id[id] for id in ids if id in self.by_id}


def allowed(check):
    try:
        check()
        return True
    except AuthError:
        return False


# Each task returns the work, to be called many times, and its answer.


def canonical_json(values, **_):
    def once():
        for value in values:
            encode_canonical_json(value)

    return once, digest([encode_canonical_json(value).decode() for value in values])


def canonical_text(texts, **_):
    def once():
        for text in texts:
            encode_canonical_json(json_decoder.decode(text))

    return once, digest([encode_canonical_json(json_decoder.decode(text)).decode() for text in texts])


def content_hash(events, **_):
    def once():
        for event in events:
            compute_content_hash(event, hashlib.sha256)

    return once, digest([encode_base64(compute_content_hash(event, hashlib.sha256)[1]) for event in events])


def reference_hash(version, events, **_):
    made = [make_event_from_dict(event, KNOWN_ROOM_VERSIONS[version]) for event in events]

    def once():
        for event in made:
            compute_event_reference_hash(event)

    return once, digest([encode_base64(compute_event_reference_hash(event)[1]) for event in made])


def read_event(version, events, **_):
    room_version = KNOWN_ROOM_VERSIONS[version]

    def once():
        for event in events:
            event_from_pdu_json(event, room_version).event_id

    return once, digest([event_from_pdu_json(event, room_version).event_id for event in events])


def sign_events(version, events, server, keyId, seed, **_):
    room_version = KNOWN_ROOM_VERSIONS[version]
    key = decode_signing_key_base64("ed25519", keyId.partition(":")[2], seed)

    def once():
        for event in events:
            # What it signs it writes into the event.
            event.pop("hashes", None)
            event.pop("signatures", None)
            add_hashes_and_signatures(room_version, event, server, key)

    once()
    return once, digest([f"{event['hashes']['sha256']} {event['signatures'][server][keyId]}" for event in events])


def verify_events(version, events, server, keyId, publicKey, **_):
    room_version = KNOWN_ROOM_VERSIONS[version]
    made = [make_event_from_dict(event, room_version) for event in events]
    # Keys at hand, with all that Synapse does besides to find them left out.
    keyring = Keyring.__new__(Keyring)
    keyring._is_mine_server_name = lambda name: name == server
    verify_key = decode_verify_key_bytes(keyId, decode_base64(publicKey))
    keyring._local_verify_keys = {keyId: FetchKeyResult(verify_key=verify_key, valid_until_ts=2**63)}

    def good(event):
        run(_check_sigs_on_pdu(keyring, room_version, event))
        return check_event_content_hash(event)

    def once():
        for event in made:
            good(event)

    return once, sum(map(good, made))


def authorise(checks, room, **_):
    pairs = [(room.events[check["event"]], [room.events[index] for index in check["state"]]) for check in checks]
    check = event_auth.check_state_dependent_auth_rules

    def once():
        for event, state in pairs:
            check(event, state)

    return once, sum(allowed(lambda: check(event, state)) for event, state in pairs)


def check_auth_events(events, room, **_):
    made = [room.events[index] for index in events]
    check = event_auth.check_state_independent_auth_rules

    def once():
        for event in made:
            run(check(room, event))

    return once, sum(allowed(lambda: run(check(room, event))) for event in made)


class Clock:
    """What state resolution asks of a clock: to let others run, of whom there are none."""

    async def sleep(self, *_):
        pass


class Store:
    """The database's answers, ready before they are asked for."""

    def __init__(self, room, difference):
        self.get_events = room.get_events
        self.difference = difference

    async def get_auth_chain_difference(self, *_):
        return self.difference


def chain(room, ids):
    """Those events and all that they rest on."""
    found = set(ids)
    left = list(ids)
    while left:
        for auth in room.by_id[left.pop()].auth_event_ids():
            if auth not in found:
                found.add(auth)
                left.append(auth)
    return found


def chain_difference(room, state_sets):
    chains = [chain(room, state.values()) for state in state_sets]
    difference = set.union(*chains) - set.intersection(*chains)
    if room.version.state_res != 3:
        return StateDifference(auth_difference=difference, conflicted_subgraph=None)
    # Events between two conflicted ones, along auth events.
    keys = set().union(*state_sets)
    ids_by_key = ({state.get(key) for state in state_sets} for key in keys)
    ends = {id for ids in ids_by_key if len(ids) > 1 for id in ids if id is not None}
    below = chain(room, ends)
    cited_by = {}
    for id in below:
        for auth in room.by_id[id].auth_event_ids():
            cited_by.setdefault(auth, []).append(id)
    above = set(ends)
    left = list(ends)
    while left:
        for id in cited_by.get(left.pop(), ()):
            if id not in above:
                above.add(id)
                left.append(id)
    return StateDifference(auth_difference=difference, conflicted_subgraph=below & above)


def resolve(sets, room, **_):
    events = [[room.events[index] for index in one] for one in sets]
    state_sets = [{(event.type, event.state_key): event.event_id for event in one} for one in events]
    room_id = events[0][0].room_id
    if room.version.state_res == 1:

        def once():
            return run(v1.resolve_events_with_store(room_id, room.version, state_sets, None, room.get_events))

    else:
        store = Store(room, chain_difference(room, state_sets))

        def once():
            return run(v2.resolve_events_with_store(Clock(), room_id, room.version, state_sets, None, store))

    return once, digest(sorted(once().values()))


def push_rules(version, events, senderLevel, notificationLevels, members, **_):
    room_version = KNOWN_ROOM_VERSIONS[version]
    made = [make_event_from_dict(event, room_version) for event in events]
    features = {
        name: False
        for name in (
            "msc1767_enabled",
            "msc3381_polls_enabled",
            "msc3664_enabled",
            "msc4028_push_encrypted_events",
            "msc4075_enabled",
            "msc4210_enabled",
            "msc4306_enabled",
        )
    }
    rules_by_user = {
        member["userId"]: FilteredPushRules(
            PushRules([PushRule.from_db(*rule) for rule in member["rules"]]), member["enabled"], **features
        )
        for member in members
    }
    names = {member["userId"]: member["displayName"] for member in members}

    def notified(event):
        evaluator = PushRuleEvaluator(
            _flatten_dict(event),
            "m.mentions" in event.content,
            len(members),
            senderLevel,
            notificationLevels,
            {},
            False,
            room_version.msc3931_push_features,
            False,
            False,
            False,
        )
        outcomes = {}
        for user, rules in rules_by_user.items():
            if user == event.sender:
                continue
            actions = evaluator.run(rules, user, names.get(user), None)
            if "notify" in actions:
                outcomes[user] = actions
        return outcomes

    def once():
        for event in made:
            notified(event)

    def highlights(actions):
        return any(
            isinstance(action, dict) and action.get("set_tweak") == "highlight" and action.get("value", True)
            for action in actions
        )

    answer = []
    for event in made:
        outcomes = notified(event)
        answer.append([len(outcomes), sum(map(highlights, outcomes.values()))])
    return once, answer


TASKS = {
    task.__name__: task
    for task in (
        canonical_json,
        canonical_text,
        content_hash,
        reference_hash,
        read_event,
        sign_events,
        verify_events,
        authorise,
        check_auth_events,
        resolve,
        push_rules,
    )
}
CLOCKS = {"process": time.process_time_ns, "thread": time.thread_time_ns}


def main():
    logging.disable(logging.CRITICAL)
    # Synapse turns the automatic collection off and collects between its tasks; that time is not counted here.
    gc.disable()
    rooms = {}
    rows = {}
    print(json.dumps({"name": f"Synapse {version('matrix-synapse')}, Python {platform.python_version()}"}), flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        if question["do"] == "load":
            rooms.setdefault(question["room"], Room(question["version"])).load(question["events"])
            answer = {}
        elif question["do"] == "prepare":
            task = TASKS[question["task"]]
            rows[question["row"]], result = task(room=rooms.get(question["room"]), **question["input"])
            gc.collect()
            gc.freeze()
            answer = {"answer": result}
        else:
            once, now = rows[question["row"]], CLOCKS[question["clock"]]
            started = now()
            for _ in range(question["count"]):
                once()
            answer = {"us": (now() - started) / 1000}
            gc.collect()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
