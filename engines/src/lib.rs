//! Redis and MongoDB as child processes: finding or fetching their programs, starting them on a
//! data directory, watching them, and stopping them with the program that started them.
//!
//! An engine given by URL is used as it is, and never started or stopped.
//!
//! Files in a data directory:
//!
//! | path | content |
//! | --- | --- |
//! | `lock` | pid of the one `patron` that uses the directory, which holds a lock on the file |
//! | `redis/`, `mongo/` | the engines' data |
//! | `redis.conf` | Redis's configuration, written at each start |
//! | `redis-server.log`, `mongod.log` | the engines' logs |
//! | `redis-server.pid`, `mongod.pid` | pids of the current or last run |
//! | `ports.json` | ports of the last run, used again if free |
//! | `running.json` | the engines' URLs, written once both answer and removed before they stop; valid while the lock is held |
//! | `bin/` | fetched programs |

mod aof;
mod child;
pub mod command;
mod error;
mod fetch;
mod files;
mod launch;
mod leftover;
mod lock;
mod log;
mod mongod;
mod ports;
mod program;
mod redis;
mod running;

use std::future;
use std::path::{Path, PathBuf};

use self::child::Child;
pub use self::error::EngineError;
use self::lock::DirLock;
use self::ports::Ports;
use self::program::{MONGOD, Program, REDIS_SERVER};
pub use self::running::{EngineUrls, running};

/// Engines to use, and the data directory of those that are started.
#[derive(clap::Args, Clone, Debug)]
pub struct EngineOptions {
    /// Directory of the engines' data, logs, keys and fetched programs.
    #[arg(long, default_value = ".patron")]
    pub data_dir: PathBuf,

    /// URL of a running Redis (6.2 or newer) or Valkey; without it one is started.
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<String>,

    /// URI of a running MongoDB (4.2 or newer); without it one is started.
    #[arg(long, env = "MONGODB_URI", hide_env_values = true)]
    pub mongodb_uri: Option<String>,

    /// Directory of fetched programs, so that several data directories can share them
    /// [default: `bin` in the data directory].
    #[arg(long, env = "PATRON_BIN_DIR")]
    pub bin_dir: Option<PathBuf>,
}

impl EngineOptions {
    /// Returns the URL of a running Redis, if one is given.
    pub fn redis_url(&self) -> Option<String> {
        non_empty(self.redis_url.as_ref())
    }

    /// Returns the URI of a running MongoDB, if one is given.
    pub fn mongodb_uri(&self) -> Option<String> {
        non_empty(self.mongodb_uri.as_ref())
    }
}

/// Both engines of a process, and the lock on their data directory.
pub struct Engines {
    /// URL of the log's Redis.
    pub redis_url: String,
    /// URI of the views' MongoDB.
    pub mongodb_uri: String,
    redis: Option<Engine>,
    mongod: Option<Engine>,
    dir: PathBuf,
    _lock: DirLock,
}

/// Engine that this process started, ready to be used.
struct Engine {
    program: PathBuf,
    port: u16,
    child: Child,
}

impl Engines {
    /// Starts the engines that are not given by URL, and returns when they answer.
    ///
    /// Locks the data directory even if both are given by URL. Fetching and loading can take
    /// minutes; long waits are logged.
    pub async fn start(options: &EngineOptions) -> Result<Self, EngineError> {
        let dir = files::private_dir(&options.data_dir)?;
        let lock = DirLock::acquire(&dir).await?;
        EngineUrls::remove(&dir)?;
        let (redis_url, mongodb_uri) = (options.redis_url(), options.mongodb_uri());

        let bin_dir = options.bin_dir.clone().unwrap_or_else(|| dir.join("bin"));
        let redis_server = match redis_url {
            Some(_) => None,
            None => Some(program::find(&REDIS_SERVER, &bin_dir).await?),
        };
        let mongod = match mongodb_uri {
            Some(_) => None,
            None => Some(program::find(&MONGOD, &bin_dir).await?),
        };
        let (redis, mongod) = start_both(&dir, redis_server, mongod).await?;

        let urls = EngineUrls {
            redis_url: redis_url
                .or_else(|| redis.as_ref().map(|engine| redis::url(engine.port)))
                .unwrap_or_default(),
            mongodb_uri: mongodb_uri
                .or_else(|| mongod.as_ref().map(|engine| mongod::uri(engine.port)))
                .unwrap_or_default(),
        };
        urls.save(&dir)?;
        Ok(Self {
            redis_url: urls.redis_url,
            mongodb_uri: urls.mongodb_uri,
            redis,
            mongod,
            dir,
            _lock: lock,
        })
    }

    /// Returns the path of the program of the started Redis; `None` if Redis was given by URL.
    pub fn redis_server(&self) -> Option<&Path> {
        self.redis.as_ref().map(|engine| engine.program.as_path())
    }

    /// Returns the path of the program of the started MongoDB; `None` if it was given by URL.
    pub fn mongod(&self) -> Option<&Path> {
        self.mongod.as_ref().map(|engine| engine.program.as_path())
    }

    /// Returns the process id of the started Redis; `None` if Redis was given by URL.
    pub fn redis_pid(&self) -> Option<u32> {
        self.redis.as_ref().map(|engine| engine.child.pid())
    }

    /// Returns the process id of the started MongoDB; `None` if it was given by URL.
    pub fn mongod_pid(&self) -> Option<u32> {
        self.mongod.as_ref().map(|engine| engine.child.pid())
    }

    /// Waits until an engine that this process started ends unexpectedly, and returns a message
    /// for the user. Never returns if none ends. Cancel safe.
    pub async fn exited(&self) -> String {
        tokio::select! {
            message = wait_for_exit(self.redis.as_ref()) => message,
            message = wait_for_exit(self.mongod.as_ref()) => message,
        }
    }

    /// Stops the engines that this process started, then unlocks the data directory.
    pub async fn stop(self) {
        // Before the engines end, so that no other command is told to use them any more.
        if let Err(error) = EngineUrls::remove(&self.dir) {
            tracing::warn!("the engines' URLs are left behind: {error}");
        }
        tokio::join!(stop(self.redis), stop(self.mongod));
    }
}

/// Returns the URL unless it is blank: an empty environment variable counts as unset.
fn non_empty(url: Option<&String>) -> Option<String> {
    url.filter(|url| !url.trim().is_empty()).cloned()
}

/// Starts the engines whose program is given. If one fails, stops the other.
async fn start_both(
    dir: &Path,
    redis_server: Option<Program>,
    mongod: Option<Program>,
) -> Result<(Option<Engine>, Option<Engine>), EngineError> {
    let last = Ports::load(dir);
    let (redis, mongod) = tokio::join!(
        async {
            match redis_server {
                Some(program) => redis::start(dir, program, last.redis).await.map(Some),
                None => Ok(None),
            }
        },
        async {
            match mongod {
                Some(program) => mongod::start(dir, program, last.mongod).await.map(Some),
                None => Ok(None),
            }
        },
    );
    let (redis, mongod) = match (redis, mongod) {
        (Ok(redis), Ok(mongod)) => (redis, mongod),
        (Err(error), other) | (other, Err(error)) => {
            stop(other.ok().flatten()).await;
            return Err(error);
        }
    };
    let ports = Ports {
        redis: redis.as_ref().map(|engine| engine.port).or(last.redis),
        mongod: mongod.as_ref().map(|engine| engine.port).or(last.mongod),
    };
    ports.save(dir)?;
    Ok((redis, mongod))
}

/// Waits until the engine ends, and returns the message for it. Never returns without an engine.
async fn wait_for_exit(engine: Option<&Engine>) -> String {
    match engine {
        Some(engine) => {
            let status = engine.child.exited().await;
            engine.child.exit_error(status).to_string()
        }
        None => future::pending().await,
    }
}

async fn stop(engine: Option<Engine>) {
    if let Some(engine) = engine {
        engine.child.stop().await;
    }
}
