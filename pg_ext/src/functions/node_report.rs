//! `node_report`: what an agent says where it has no list.

use capconduit_core::text;
use pgrx::pg_extern;
use pgrx::pg_sys::TEXTOID;

use crate::calls::locks;
use crate::calls::nodes::meet;
use crate::functions::arguments;
use crate::postgres::argument::arg;
use crate::postgres::spi::{Statement, connected};
use crate::postgres::transaction::require_read_committed;
use crate::postgres::{early_lock_release, error};

/// Its Asterisk lives, and cannot be asked for its calls.
static ALIVE: Statement = Statement::new(
    "update capconduit.nodes set instance = $2, heartbeat_at = now() where name = $1",
    &[TEXTOID, TEXTOID],
);

/// Without an agent a switch is not judged by its silence.
static NO_AGENT: Statement = Statement::new(
    "update capconduit.nodes set heartbeat_at = null where name = $1",
    &[TEXTOID],
);

#[pg_extern(sql = false)]
fn node_report(node: Option<&str>, instance: Option<&str>, state: Option<&str>) -> &'static str {
    require_read_committed("node_report");
    let node = arguments::required_node(node);
    let instance = arguments::required_instance(instance);
    let state = match text::given(state) {
        Some(state @ ("alive" | "down" | "stopped")) => state,
        _ => error::invalid("state must be alive, down or stopped"),
    };
    connected(|| {
        locks::enter_live_calls();
        early_lock_release::arm();
        if meet(node, Some(instance)).is_taken {
            return "name_taken";
        }
        match state {
            "alive" => drop(ALIVE.run(&[arg(node), arg(instance)])),
            "stopped" => drop(NO_AGENT.run(&[arg(node)])),
            // That a switch was heard says `meet`; this one was not.
            _ => {}
        }
        "ok"
    })
}
