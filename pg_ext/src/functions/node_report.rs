//! `node_report`: what an agent says where it has no list.

use capconduit_core::text;
use pgrx::pg_extern;
use pgrx::pg_sys::TEXTOID;

use crate::calls::door::{Answered, Door};
use crate::calls::nodes::meet;
use crate::functions::arguments;
use crate::postgres::argument::arg;
use crate::postgres::error;
use crate::postgres::spi::Change;

/// Its Asterisk lives, and cannot be asked for its calls.
static ALIVE: Change = Change::new(
    "update capconduit.nodes set instance = $2, heartbeat_at = now() where name = $1",
    &[TEXTOID, TEXTOID],
);

/// Without an agent a switch is not judged by its silence.
static NO_AGENT: Change = Change::new(
    "update capconduit.nodes set heartbeat_at = null where name = $1",
    &[TEXTOID],
);

#[pg_extern(sql = false)]
fn node_report(node: Option<&str>, instance: Option<&str>, state: Option<&str>) -> &'static str {
    let door = Door::of("node_report");
    let node = arguments::required_node(node);
    let instance = arguments::required_instance(instance);
    let state = match text::given(state) {
        Some(state @ ("alive" | "down" | "stopped")) => state,
        _ => error::invalid("state must be alive, down or stopped"),
    };
    door.calls(|armed| {
        if meet(armed, node, Some(instance)).is_taken {
            return Answered::written(armed, "name_taken");
        }
        match state {
            "alive" => drop(ALIVE.run(armed, &[arg(node), arg(instance)])),
            "stopped" => drop(NO_AGENT.run(armed, &[arg(node)])),
            // That a switch was heard says `meet`; this one was not.
            _ => {}
        }
        Answered::written(armed, "ok")
    })
}
