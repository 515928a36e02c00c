//! Redis and MongoDB as child processes: found or fetched, started on their own
//! data directory, watched, and stopped with the program that started them.
//!
//! An engine given by URL is taken as it is and never started or stopped.
//!
//! What lies in a data directory:
//!
//! | path | what |
//! | --- | --- |
//! | `lock` | held by the one `patron` that uses the directory; its pid |
//! | `redis/`, `mongo/` | the engines' data |
//! | `redis.conf` | written anew at each start |
//! | `redis-server.log`, `mongod.log` | what the engines say |
//! | `redis-server.pid`, `mongod.pid` | the children of the current or last run |
//! | `ports.json` | the ports of the last run, taken again if free |
//! | `running.json` | the engines' URLs, true as long as the lock is held |
//! | `bin/` | fetched programs |

mod aof;
mod child;
pub(crate) mod command;
mod error;
mod fetch;
mod files;
mod leftover;
mod lock;
mod log;
mod mongod;
mod ports;
mod program;
mod ready;
mod redis;
mod running;

use std::future;
use std::path::{Path, PathBuf};

use self::child::Child;
pub(crate) use self::error::EngineError;
use self::lock::DirLock;
use self::ports::Ports;
use self::program::{MONGOD, Program, REDIS_SERVER};
pub(crate) use self::running::{Running, running};

/// Which engines to use, and where the ones started here keep their data.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct EngineOptions {
    /// Directory of everything that is kept: engines' data, logs and fetched programs.
    #[arg(long, default_value = ".patron")]
    pub(crate) data_dir: PathBuf,

    /// A running Redis (6.2 or newer) or Valkey to use; without it one is started.
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    pub(crate) redis_url: Option<String>,

    /// A running MongoDB to use; without it one is started.
    #[arg(long, env = "MONGODB_URI", hide_env_values = true)]
    pub(crate) mongodb_uri: Option<String>,

    /// Where fetched programs are kept, so that data directories can share them
    /// [default: `bin` in the data directory].
    #[arg(long, env = "PATRON_BIN_DIR")]
    pub(crate) bin_dir: Option<PathBuf>,
}

impl EngineOptions {
    /// The URL of a running Redis, if one is given.
    pub(crate) fn redis_url(&self) -> Option<String> {
        given(self.redis_url.as_ref())
    }

    /// The URI of a running MongoDB, if one is given.
    pub(crate) fn mongodb_uri(&self) -> Option<String> {
        given(self.mongodb_uri.as_ref())
    }
}

/// The two engines of a process, and the lock on their data directory.
pub(crate) struct Engines {
    /// `redis://…` of the log.
    pub(crate) redis_url: String,
    /// `mongodb://…` of the views.
    pub(crate) mongodb_uri: String,
    redis: Option<Engine>,
    mongod: Option<Engine>,
    _lock: DirLock,
}

/// An engine started here, ready to be used.
struct Engine {
    program: PathBuf,
    port: u16,
    child: Child,
}

impl Engines {
    /// Starts what is not given by URL and returns once it answers.
    ///
    /// Takes the lock of the data directory in any case. Fetching and loading can take
    /// minutes; what is being waited for is logged.
    pub(crate) async fn start(options: &EngineOptions) -> Result<Self, EngineError> {
        let dir = files::private_dir(&options.data_dir)?;
        let lock = DirLock::take(&dir)?;
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

        let urls = Running {
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
            _lock: lock,
        })
    }

    /// The program file of the Redis started here, none if it was given by URL.
    pub(crate) fn redis_server(&self) -> Option<&Path> {
        self.redis.as_ref().map(|engine| engine.program.as_path())
    }

    /// The program file of the MongoDB started here, none if it was given by URL.
    pub(crate) fn mongod(&self) -> Option<&Path> {
        self.mongod.as_ref().map(|engine| engine.program.as_path())
    }

    /// Process id of the Redis started here, none if it was given by URL.
    pub(crate) fn redis_pid(&self) -> Option<u32> {
        self.redis.as_ref().map(|engine| engine.child.pid())
    }

    /// Process id of the MongoDB started here, none if it was given by URL.
    pub(crate) fn mongod_pid(&self) -> Option<u32> {
        self.mongod.as_ref().map(|engine| engine.child.pid())
    }

    /// Resolves with what to tell the user when an engine started here ends by itself;
    /// never, if none does. May be dropped and called again.
    pub(crate) async fn exited(&self) -> String {
        tokio::select! {
            message = ended(self.redis.as_ref()) => message,
            message = ended(self.mongod.as_ref()) => message,
        }
    }

    /// Stops what was started here, then releases the data directory.
    pub(crate) async fn stop(self) {
        tokio::join!(stop(self.redis), stop(self.mongod));
    }
}

/// A URL that is there and not empty: an empty environment variable means unset.
fn given(url: Option<&String>) -> Option<String> {
    url.filter(|url| !url.trim().is_empty()).cloned()
}

/// Starts the engines whose program is given; if one fails, the other is stopped again.
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

async fn ended(engine: Option<&Engine>) -> String {
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
