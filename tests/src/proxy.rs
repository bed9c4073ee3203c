//! A network that breaks on command: a TCP proxy before a server on this machine. Owns: what becomes of the bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    Works,
    /// Of every fourth message to the server only the first half arrives; then the connection is cut.
    CutsQuestions,
    /// Every fourth message arrives whole, and its answer is lost with the connection.
    CutsAnswers,
    /// The answer to a commit is on its way for ever, and whatever follows on that connection.
    HoldsCommits,
    /// Nothing arrives, in either direction, and nobody is told. A connection that was there stays dead afterwards.
    Swallows,
}

#[derive(Debug)]
pub struct Proxy {
    port: u16,
    network: watch::Sender<Network>,
    cuts: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// One in so many messages is hit, so that logins are cut as well as questions, and some get through.
const ONE_IN: usize = 4;

impl Proxy {
    /// In front of a port on loopback, whether or not somebody listens there just now.
    pub async fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let (network, watched) = watch::channel(Network::Works);
        let cuts = Arc::new(AtomicUsize::new(0));
        let counted = cuts.clone();
        let task = tokio::spawn(async move {
            let messages = Arc::new(AtomicUsize::new(0));
            while let Ok((client, _)) = listener.accept().await {
                let (watched, messages, cuts) = (watched.clone(), messages.clone(), counted.clone());
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
                        return;
                    };
                    if carry(client, server, watched, &messages).await == Ended::Cut {
                        cuts.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Self {
            port,
            network,
            cuts,
            task,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn set(&self, network: Network) {
        let _ = self.network.send(network);
    }

    /// How many connections were cut so far.
    pub fn cuts(&self) -> usize {
        self.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(PartialEq)]
enum Ended {
    ByItself,
    Cut,
}

async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    mut network: watch::Receiver<Network>,
    messages: &AtomicUsize,
) -> Ended {
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut answer_is_lost = false;
    let mut answer_is_held = false;
    loop {
        if *network.borrow() == Network::Swallows {
            return swallow(client, server).await;
        }
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return Ended::ByItself };
                let now = *network.borrow();
                if now == Network::Swallows {
                    return swallow(client, server).await;
                }
                let hit = matches!(now, Network::CutsQuestions | Network::CutsAnswers)
                    && messages.fetch_add(1, Ordering::Relaxed).is_multiple_of(ONE_IN);
                let passed = if hit && now == Network::CutsQuestions { length / 2 } else { length };
                if server.write_all(&asked[..passed]).await.is_err() {
                    return Ended::ByItself;
                }
                if hit && now == Network::CutsQuestions {
                    return Ended::Cut;
                }
                answer_is_lost |= hit;
                answer_is_held |= now == Network::HoldsCommits && asked[..length].windows(7).any(|at| at == b"commit\0");
            }
            read = server.read(&mut answered), if !answer_is_held => {
                let Ok(length @ 1..) = read else { return Ended::ByItself };
                if answer_is_lost {
                    return Ended::Cut;
                }
                if *network.borrow() == Network::Swallows {
                    return swallow(client, server).await;
                }
                if client.write_all(&answered[..length]).await.is_err() {
                    return Ended::ByItself;
                }
            }
            changed = network.changed() => {
                if changed.is_err() {
                    return Ended::ByItself;
                }
            }
        }
    }
}

/// How long a server's end stays open when its client is gone: about as long as keepalives take that nobody answers, and
/// longer than a transaction may hold its locks by it.
const VANISHED: Duration = Duration::from_secs(30);

/// Reads and forgets until the client gives up. The server is told of nothing, not even of the end: to it the client has
/// vanished.
async fn swallow(mut client: TcpStream, _server: TcpStream) -> Ended {
    let mut lost = [0; 4096];
    let reading = async { while matches!(client.read(&mut lost).await, Ok(1..)) {} };
    let _ = tokio::time::timeout(Duration::from_secs(600), reading).await;
    drop(client);
    tokio::time::sleep(VANISHED).await;
    Ended::Cut
}
