//! Redis as a child process: every acknowledged write is on disk, on 127.0.0.1 only.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ::redis::{AsyncConnectionConfig, Client, InfoDict, RedisError, cmd};

use super::child::Child;
use super::launch::{EngineState, launch};
use super::program::{Program, Version};
use super::{Engine, EngineError, aof, files, leftover};

const NAME: &str = "redis-server";
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Returns the URL of the Redis on the port.
pub(super) fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

/// Starts Redis on `<dir>/redis`, on the wanted port if it is free, and waits until it has
/// loaded its data. Stops a Redis of an earlier run first, and repairs an append-only file whose
/// last write was interrupted.
pub(super) async fn start(
    dir: &Path,
    program: Program,
    wanted_port: Option<u16>,
) -> Result<Engine, EngineError> {
    let conf = dir.join("redis.conf");
    let data = files::private_dir(&dir.join("redis"))?;
    // Redis 7 moved the append-only file into a directory that older versions ignore, so they would
    // start with an empty log.
    if program.version < Version(7, 0) && data.join(aof::DIRECTORY).exists() {
        return Err(EngineError::NewerData {
            dir: data,
            program: program.path,
        });
    }
    leftover::stop(dir, NAME, &conf).await?;

    let program = program.path;
    let spawn = async |port: u16| {
        files::replace(&conf, configuration(&data, port).as_bytes())?;
        let mut command = Command::new(&program);
        command.arg(&conf).current_dir(&data);
        Child::spawn(NAME, command, dir).await
    };
    let mut repaired = false;
    let repair = async || {
        // At most one repair: if Redis ends again after it, the cause is another one.
        repaired = !repaired && aof::repair(&program, &data).await?;
        Ok(repaired)
    };
    let (port, child) = launch(wanted_port, spawn, probe, repair).await?;
    Ok(Engine {
        program,
        port,
        child,
    })
}

fn configuration(data: &Path, port: u16) -> String {
    let data = quoted(data.as_os_str());
    let backlog = backlog();
    // `set-proc-title no` keeps the arguments in the command line, by which a later start
    // recognizes a leftover process.
    format!(
        "# Written by patron at each start.\n\
         bind 127.0.0.1\n\
         protected-mode yes\n\
         port {port}\n\
         tcp-backlog {backlog}\n\
         daemonize no\n\
         set-proc-title no\n\
         logfile \"\"\n\
         dir {data}\n\
         save \"\"\n\
         appendonly yes\n\
         appendfsync always\n\
         no-appendfsync-on-rewrite no\n\
         aof-load-truncated no\n\
         maxmemory-policy noeviction\n"
    )
}

/// Quotes a value for Redis's configuration file.
fn quoted(value: &OsStr) -> String {
    let value = value.to_string_lossy();
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Returns the length of the accept queue: enough for many clients that reconnect at once, but at
/// most what the system allows, since Redis warns about more.
fn backlog() -> u32 {
    fs::read_to_string("/proc/sys/net/core/somaxconn")
        .ok()
        .and_then(|text| text.trim().parse::<u32>().ok())
        .map_or(511, |most| most.min(4096))
}

/// Returns whether the Redis on the port is ready: it has finished loading, and its process id is
/// the child's, since another server could have the port.
async fn probe(port: u16, pid: u32) -> EngineState {
    match info(port).await {
        Err(error) => EngineState::Busy(format!("no answer yet: {error}")),
        Ok(info) if info.get::<u32>("process_id") != Some(pid) => {
            EngineState::Busy("another server has its port".to_owned())
        }
        Ok(info) if info.get::<u8>("loading") == Some(0) => EngineState::Ready,
        Ok(info) => EngineState::Busy(format!(
            "loading its append-only file, {} of {} bytes",
            info.get::<u64>("loading_loaded_bytes").unwrap_or(0),
            info.get::<u64>("loading_total_bytes").unwrap_or(0)
        )),
    }
}

/// Returns the reply to INFO, which Redis answers even while it loads. Once loading has finished,
/// PING must succeed too.
async fn info(port: u16) -> Result<InfoDict, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PROBE_TIMEOUT))
        .set_response_timeout(Some(PROBE_TIMEOUT));
    let mut connection = Client::open(url(port))?
        .get_multiplexed_async_connection_with_config(&config)
        .await?;
    let info: InfoDict = cmd("INFO").query_async(&mut connection).await?;
    if info.get::<u8>("loading") == Some(0) {
        let _pong: String = cmd("PING").query_async(&mut connection).await?;
    }
    Ok(info)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_for_redis() {
        assert_eq!(quoted(OsStr::new(r#"/a b/"c"\"#)), r#""/a b/\"c\"\\""#);
    }
}
