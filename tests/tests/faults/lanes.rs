//! One question on one connection, again and again: routes, moves of calls that were routed before, records. A fault
//! finds each of them under way, whatever the others wait for.

use std::sync::Arc;

use capconduit_tests::unique;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use super::line::{NODE, Question};
use super::load::{Load, Operation};

/// So many calls wait to be moved: routes that have become slow before the fault's height leave some to ask for.
const STOCK: usize = 12;

impl Load {
    pub(super) fn lanes(self: Arc<Self>) -> [JoinHandle<()>; 4] {
        let (routed, to_move) = channel(STOCK);
        let (moved, to_record) = channel(2);
        [
            tokio::spawn(self.clone().routes(routed)),
            tokio::spawn(self.clone().moves(to_move, moved)),
            tokio::spawn(self.clone().records(to_record)),
            tokio::spawn(self.clone().spools()),
        ]
    }

    async fn routes(self: Arc<Self>, routed: Sender<String>) {
        let mut line = self.line("route");
        while !self.is_over() {
            let id = format!("{NODE}-lane{}", unique());
            self.live.lock().unwrap().insert(id.clone());
            let route = Question::Route {
                did: self.did.clone(),
                id: id.clone(),
            };
            let answer = self.until_told(&mut line, Operation::Route, route).await;
            if self.is_placed(&id, &answer) {
                routed.send(id).await.expect("somebody moves it");
            } else {
                let status = "REJECTED_NO_ELIGIBLE_CLIENTS_AVAILABLE";
                self.record(&mut line, &id, status, false).await;
                self.live.lock().unwrap().remove(&id);
            }
            // Faster than they are moved: some always wait.
            tokio::time::sleep(self.pace / 2).await;
        }
    }

    async fn moves(self: Arc<Self>, mut routed: Receiver<String>, moved: Sender<(String, &'static str)>) {
        let mut line = self.line("next");
        while let Some(id) = routed.recv().await {
            let next = Question::Next {
                id: id.clone(),
                failed_attempt: 1,
            };
            let answer = self.until_told(&mut line, Operation::Next, next).await;
            let status = if self.is_placed(&id, &answer) {
                "ANSWERED"
            } else {
                "BUSY"
            };
            moved.send((id, status)).await.expect("somebody records it");
            tokio::time::sleep(self.pace * 2).await;
        }
    }

    /// Records for the agent alone, whether or not anybody reaches the database.
    async fn spools(self: Arc<Self>) {
        let mut line = self.line("spool");
        while !self.is_over() {
            let id = format!("{NODE}-spooled{}", unique());
            self.record(&mut line, &id, "NOANSWER", true).await;
            tokio::time::sleep(self.pace * 4).await;
        }
    }

    /// Where no call waits for its record: one of a call that nobody knows of.
    async fn records(self: Arc<Self>, mut moved: Receiver<(String, &'static str)>) {
        let mut line = self.line("log");
        while !(moved.is_closed() && moved.is_empty()) {
            let (id, status) = moved
                .try_recv()
                .unwrap_or_else(|_| (format!("{NODE}-unknown{}", unique()), "NOANSWER"));
            self.record(&mut line, &id, status, false).await;
            self.live.lock().unwrap().remove(&id);
            tokio::time::sleep(self.pace).await;
        }
    }
}
