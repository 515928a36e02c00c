//! Databases of tests on the shared MongoDB, dropped once their tests have ended.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::thread;

use super::engines::engines;

/// Database of one deployment, dropped when the last copy of this is.
///
/// MongoDB keeps a file open for every collection and index, so that the databases of a whole run
/// would exceed its limit of open files.
#[derive(Debug, Clone)]
pub(crate) struct ScratchDatabase {
    /// Only held, to be dropped.
    _name: Arc<Name>,
}

#[derive(Debug)]
struct Name {
    /// `None` for a database of another MongoDB, which ends with its test.
    shared: Option<String>,
}

impl ScratchDatabase {
    /// Takes charge of a database.
    pub(crate) fn new(mongodb_uri: &str, name: &str) -> Self {
        let is_shared = mongodb_uri == engines().mongodb_uri;
        let shared = is_shared.then(|| name.to_owned());
        Self {
            _name: Arc::new(Name { shared }),
        }
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        if let Some(name) = self.shared.take() {
            // The thread lives as long as the process.
            let _ = dropping().send(name);
        }
    }
}

/// Returns the thread that drops databases: a test's own runtime ends with the test.
fn dropping() -> &'static Sender<String> {
    static DROPPING: OnceLock<Sender<String>> = OnceLock::new();
    DROPPING.get_or_init(|| {
        let (sender, names) = mpsc::channel();
        thread::spawn(move || drop_all(&names));
        sender
    })
}

fn drop_all(names: &Receiver<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = mongodb::Client::with_uri_str(&engines().mongodb_uri);
        let client = client.await.unwrap();
        while let Ok(name) = names.recv() {
            if let Err(error) = client.database(&name).drop().await {
                eprintln!("the database {name} was not dropped: {error}");
            }
        }
    });
}
