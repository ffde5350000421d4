"""Asks the installed Synapse what it makes of a room's history: one JSON object a line in, one a line out.

In: version, roomId, events (as servers exchange them), ids (what the asker thinks), rejected (indexes), keys (server name ->
base64 seed), checks ([{event, auth, state}], indexes), resolutions ([[index, ...], ...] for each, the state sets).
Out: ids, contentHashes, redacted, signatures, formats, receipts, states, resolved. A refusal is its text, no refusal is null.
"""

import asyncio
import hashlib
import json
import logging
import sys
from importlib.metadata import version

from canonicaljson import encode_canonical_json
from signedjson.key import decode_signing_key_base64
from synapse import event_auth
from synapse.api.errors import SynapseError
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS
from synapse.crypto.event_signing import compute_content_hash, compute_event_signature
from synapse.events import make_event_from_dict
from synapse.events.utils import prune_event
from synapse.state import v1, v2
from synapse.storage.databases.main.event_federation import StateDifference
from unpaddedbase64 import encode_base64


class Clock:
    """What state resolution asks of a clock: to let others run, of whom there are none."""

    async def sleep(self, *_):
        pass


class Store:
    """The events of one history, and the graph questions that Synapse answers from its database."""

    def __init__(self, events):
        self.events = {event.event_id: event for event in events}
        self.chains = {}

    async def get_events(self, ids, redact_behaviour=None, allow_rejected=False, get_prev_content=False):
        found = (self.events[id] for id in ids if id in self.events)
        return {event.event_id: event for event in found if allow_rejected or not event.rejected_reason}

    def chain(self, id):
        """The event and all its auth events, theirs included."""
        known = self.chains.get(id)
        if known is None:
            known = {id}
            for auth in self.events[id].auth_event_ids():
                if auth in self.events:
                    known |= self.chain(auth)
            self.chains[id] = known
        return known

    async def get_auth_chain_difference(self, room_id, state_sets, conflicted_state, additional):
        chains = [set().union(*(self.chain(id) for id in ids)) for ids in state_sets]
        difference = set.union(*chains) - set.intersection(*chains)
        if conflicted_state is None:
            return StateDifference(auth_difference=difference, conflicted_subgraph=None)
        # rooms/v12: events on a path between two conflicted ones, along auth events.
        ends = conflicted_state | (additional or set())
        below = set().union(*(self.chain(id) for id in ends)) if ends else set()
        subgraph = {id for id in below if self.chain(id) & ends}
        return StateDifference(auth_difference=difference, conflicted_subgraph=subgraph)


def refusal(call, *arguments):
    """None, or why Synapse refuses. Anything but a refusal is told apart: Synapse would fail on it."""
    try:
        result = call(*arguments)
        if asyncio.iscoroutine(result):
            run(result)
        return None
    except SynapseError as error:
        return f"{error.msg}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def run(coroutine):
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waited")


def resolve(version, room_id, state_sets, store):
    async def events_of(ids):
        return await store.get_events(ids, allow_rejected=True)

    if version.state_res == 1:
        return run(v1.resolve_events_with_store(room_id, version, state_sets, None, events_of))
    return run(v2.resolve_events_with_store(Clock(), room_id, version, state_sets, None, store))


def answer(question):
    version = KNOWN_ROOM_VERSIONS[question["version"]]
    rejected = set(question["rejected"])
    events = [
        make_event_from_dict(event, version, rejected_reason="rejected" if index in rejected else None)
        for index, event in enumerate(question["events"])
    ]
    keys = {
        server: decode_signing_key_base64("ed25519", "1", seed) for server, seed in question["keys"].items()
    }

    def content_hash(event):
        try:
            return encode_base64(compute_content_hash(event, hashlib.sha256)[1])
        except Exception as error:
            return f"{type(error).__name__}"

    def redacted(event):
        json = prune_event(event).get_pdu_json()
        if json.get("unsigned") == {}:
            del json["unsigned"]  # Synapse's own, nobody sent it
        return encode_canonical_json(json).decode()

    def signatures(index):
        event = question["events"][index]
        return {
            server: compute_event_signature(version, event, server, keys[server])[server]["ed25519:1"]
            for server in event.get("signatures", {})
            if server in keys
        }

    out = {
        "ids": [event.event_id for event in events],
        "contentHashes": [content_hash(event) for event in question["events"]],
        "redacted": [redacted(event) for event in events],
        "signatures": [signatures(index) for index in range(len(events))],
        "formats": [refusal(event_auth.validate_event_for_room_version, event) for event in events],
    }
    # Rules look events up by ID: one the asker names otherwise would be missing everywhere.
    if out["ids"] == question["ids"]:
        store = Store(events)
        out["receipts"] = [
            refusal(event_auth.check_state_independent_auth_rules, store, events[check["event"]])
            for check in question["checks"]
        ]
        out["states"] = [
            refusal(
                event_auth.check_state_dependent_auth_rules,
                events[check["event"]],
                [events[index] for index in check["state"]],
            )
            for check in question["checks"]
        ]
        out["resolved"] = []
        position = {event.event_id: index for index, event in enumerate(events)}
        for sets in question["resolutions"]:
            state_sets = [{(events[i].type, events[i].state_key): events[i].event_id for i in one} for one in sets]
            try:
                state = resolve(version, question["roomId"], state_sets, store)
                out["resolved"].append(sorted(position[id] for id in state.values()))
            except Exception as error:
                out["resolved"].append(f"{type(error).__name__}: {error}")
    return out


logging.disable(logging.CRITICAL)
sys.setrecursionlimit(100_000)
print(json.dumps({"oracle": f"Synapse {version('matrix-synapse')}"}), flush=True)
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
