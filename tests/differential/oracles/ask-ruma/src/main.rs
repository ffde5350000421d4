//! Asks ruma-state-res what it makes of a room's history: one JSON object a line in, one a line out. The lines in are those of
//! `ask_synapse.py`; out come `receipts`, `states` and `resolved`. State resolution of room version 1 is not in ruma: null.

use std::collections::HashMap;
use std::io::{BufRead, Write};

use ruma_common::{EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, RoomVersionId, UserId};
use ruma_events::{StateEventType, TimelineEventType};
use ruma_state_res::{
    Event, StateMap, check_state_dependent_auth_rules, check_state_independent_auth_rules, resolve, utils::event_id_set::EventIdSet,
};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

#[derive(Deserialize)]
struct Check {
    event: usize,
    state: Vec<usize>,
}

#[derive(Deserialize)]
struct Question {
    version: RoomVersionId,
    events: Vec<Box<RawValue>>,
    ids: Vec<OwnedEventId>,
    rejected: Vec<usize>,
    checks: Vec<Check>,
    resolutions: Vec<Vec<Vec<usize>>>,
}

/// Before room version 3 a reference is a pair of ID and hashes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reference {
    Id(OwnedEventId),
    Pair(OwnedEventId, serde::de::IgnoredAny),
}

impl Reference {
    fn id(self) -> OwnedEventId {
        match self {
            Reference::Id(id) | Reference::Pair(id, _) => id,
        }
    }
}

#[derive(Deserialize)]
struct Fields {
    room_id: Option<OwnedRoomId>,
    sender: OwnedUserId,
    origin_server_ts: MilliSecondsSinceUnixEpoch,
    #[serde(rename = "type")]
    kind: TimelineEventType,
    content: Box<RawValue>,
    state_key: Option<String>,
    prev_events: Vec<Reference>,
    auth_events: Vec<Reference>,
    redacts: Option<OwnedEventId>,
}

struct Pdu {
    id: OwnedEventId,
    room_id: Option<OwnedRoomId>,
    sender: OwnedUserId,
    origin_server_ts: MilliSecondsSinceUnixEpoch,
    kind: TimelineEventType,
    content: Box<RawValue>,
    state_key: Option<String>,
    prev_events: Vec<OwnedEventId>,
    auth_events: Vec<OwnedEventId>,
    redacts: Option<OwnedEventId>,
    rejected: bool,
}

impl Event for Pdu {
    type Id = OwnedEventId;

    fn event_id(&self) -> &Self::Id {
        &self.id
    }
    fn room_id(&self) -> Option<&RoomId> {
        self.room_id.as_deref()
    }
    fn sender(&self) -> &UserId {
        &self.sender
    }
    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.origin_server_ts
    }
    fn event_type(&self) -> &TimelineEventType {
        &self.kind
    }
    fn content(&self) -> &RawValue {
        &self.content
    }
    fn state_key(&self) -> Option<&str> {
        self.state_key.as_deref()
    }
    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &Self::Id> + '_> {
        Box::new(self.prev_events.iter())
    }
    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &Self::Id> + '_> {
        Box::new(self.auth_events.iter())
    }
    fn redacts(&self) -> Option<&Self::Id> {
        self.redacts.as_ref()
    }
    fn rejected(&self) -> bool {
        self.rejected
    }
}

fn pdu(json: &RawValue, id: &OwnedEventId, rejected: bool) -> serde_json::Result<Pdu> {
    let fields: Fields = serde_json::from_str(json.get())?;
    let ids = |references: Vec<Reference>| references.into_iter().map(Reference::id).collect();
    Ok(Pdu {
        id: id.clone(),
        room_id: fields.room_id,
        sender: fields.sender,
        origin_server_ts: fields.origin_server_ts,
        kind: fields.kind,
        content: fields.content,
        state_key: fields.state_key,
        prev_events: ids(fields.prev_events),
        auth_events: ids(fields.auth_events),
        redacts: fields.redacts,
        rejected,
    })
}

struct History {
    pdus: Vec<Pdu>,
    position: HashMap<OwnedEventId, usize>,
}

impl History {
    fn get(&self, id: &EventId) -> Option<&Pdu> {
        self.position.get(id).map(|&index| &self.pdus[index])
    }

    /// The events and all their auth events, theirs included.
    fn chain(&self, from: impl IntoIterator<Item = OwnedEventId>) -> EventIdSet<OwnedEventId> {
        let mut found = EventIdSet::new();
        let mut left: Vec<OwnedEventId> = from.into_iter().collect();
        while let Some(id) = left.pop() {
            if let Some(event) = self.get(&id)
                && found.insert(id)
            {
                left.extend(event.auth_events.iter().cloned());
            }
        }
        found
    }

    /// Rooms/v12: what lies on a path along auth events between two conflicted events.
    fn subgraph(&self, conflicted: &StateMap<Vec<OwnedEventId>>) -> EventIdSet<OwnedEventId> {
        let ends: Vec<&OwnedEventId> = conflicted.values().flatten().collect();
        let mut subgraph = EventIdSet::new();
        for id in self.chain(ends.iter().map(|&id| id.clone())).iter() {
            let below = self.chain([id.clone()]);
            if ends.iter().any(|&end| below.contains(end)) {
                subgraph.insert(id.clone());
            }
        }
        subgraph
    }
}

fn answer(question: &Question) -> serde_json::Result<serde_json::Value> {
    let rules = question.version.rules().expect("a known room version");
    let mut pdus = Vec::new();
    for (index, event) in question.events.iter().enumerate() {
        match pdu(event, &question.ids[index], question.rejected.contains(&index)) {
            Ok(event) => pdus.push(event),
            // ruma does not read what servers would have dropped: it has nothing to say of the history.
            Err(error) => return Ok(json!({ "unread": error.to_string() })),
        }
    }
    let position = question.ids.iter().cloned().enumerate().map(|(index, id)| (id, index)).collect();
    let history = History { pdus, position };

    let receipts: Vec<Option<String>> = question
        .checks
        .iter()
        .map(|check| {
            let event = &history.pdus[check.event];
            check_state_independent_auth_rules(&rules.authorization, event, |id| history.get(id)).err()
        })
        .collect();
    let states: Vec<Option<String>> = question
        .checks
        .iter()
        .map(|check| {
            let state: HashMap<(StateEventType, String), &Pdu> = check
                .state
                .iter()
                .map(|&index| &history.pdus[index])
                .filter_map(|event| Some(((event.kind.to_string().into(), event.state_key.clone()?), event)))
                .collect();
            let event = &history.pdus[check.event];
            check_state_dependent_auth_rules(&rules.authorization, event, |kind, key| {
                state.get(&(kind.clone(), key.to_owned())).copied()
            })
            .err()
        })
        .collect();

    let resolved: Vec<serde_json::Value> = question
        .resolutions
        .iter()
        .map(|sets| {
            let Some(state_res) = rules.state_res.v2_rules() else { return serde_json::Value::Null };
            let maps: Vec<StateMap<OwnedEventId>> = sets
                .iter()
                .map(|set| {
                    set.iter()
                        .map(|&index| {
                            let event = &history.pdus[index];
                            let key = event.state_key.clone().expect("a state event");
                            ((event.kind.to_string().into(), key), event.id.clone())
                        })
                        .collect()
                })
                .collect();
            // As specified: an event is not in its own auth chain.
            let chain = |map: &StateMap<OwnedEventId>| {
                history.chain(map.values().filter_map(|id| history.get(id)).flat_map(|event| event.auth_events.iter().cloned()))
            };
            let chains = maps.iter().map(chain).collect();
            match resolve(&rules.authorization, state_res, &maps, chains, |id| history.get(id), |conflicted| {
                Some(history.subgraph(conflicted))
            }) {
                Ok(state) => {
                    let mut indexes: Vec<usize> = state.values().map(|id| history.position[id]).collect();
                    indexes.sort_unstable();
                    json!(indexes)
                }
                Err(error) => json!(error.to_string()),
            }
        })
        .collect();
    Ok(json!({ "receipts": receipts, "states": states, "resolved": resolved }))
}

fn main() {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", json!({ "oracle": "ruma-state-res 0.18" })).expect("a reader");
    out.flush().expect("a reader");
    for line in std::io::stdin().lock().lines() {
        let question: Question = serde_json::from_str(&line.expect("text")).expect("a question");
        writeln!(out, "{}", answer(&question).expect("an answer")).expect("a reader");
        out.flush().expect("a reader");
    }
}
