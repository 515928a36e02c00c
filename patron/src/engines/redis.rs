//! Redis as a child: durable to the last answer, on 127.0.0.1 only.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ::redis::{AsyncConnectionConfig, Client, InfoDict, RedisError, cmd};

use super::child::Child;
use super::program::{Program, Version};
use super::ready::{self, Readiness};
use super::{Engine, EngineError, aof, files, leftover, ports};

const NAME: &str = "redis-server";
/// How often a port may turn out to be taken by somebody who was quicker.
const PORT_TRIES: usize = 5;
const ASK_TIMEOUT: Duration = Duration::from_secs(2);

/// Where a Redis started here is reached.
pub(super) fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

/// Starts Redis on `<dir>/redis`, on the wanted port if it is free, and waits until it has
/// loaded its data. Ends one of an earlier run first, and repairs an append-only file whose
/// last write was interrupted.
pub(super) async fn start(
    dir: &Path,
    program: Program,
    wanted_port: Option<u16>,
) -> Result<Engine, EngineError> {
    let conf = dir.join("redis.conf");
    let data = files::private_dir(&dir.join("redis"))?;
    refuse_newer_data(&program, &data)?;
    leftover::stop(dir, NAME, &conf).await?;

    let mut port = ports::choose(wanted_port)?;
    let mut port_tries = 1;
    let mut repaired = false;
    loop {
        files::replace(&conf, configuration(&data, port).as_bytes())?;
        let mut command = Command::new(&program.path);
        command.arg(&conf).current_dir(&data);
        let child = Child::spawn(NAME, command, dir).await?;
        let error = match ready::wait(&child, async || ask(port, child.pid()).await).await {
            Ok(()) => {
                let program = program.path;
                return Ok(Engine {
                    program,
                    port,
                    child,
                });
            }
            Err(error @ EngineError::Exited { .. }) => error,
            Err(error) => {
                child.stop().await;
                return Err(error);
            }
        };
        if ports::was_taken(child.log()) && port_tries < PORT_TRIES {
            port = ports::choose(None)?;
            port_tries += 1;
        } else if !repaired && aof::repair(&program.path, &data).await? {
            repaired = true;
        } else {
            return Err(error);
        }
    }
}

/// Redis 7 moved its append-only file into a directory that older ones do not look into.
fn refuse_newer_data(program: &Program, data: &Path) -> Result<(), EngineError> {
    if program.version < Version(7, 0) && data.join(aof::DIRECTORY).exists() {
        return Err(EngineError::NewerData {
            dir: data.to_owned(),
            program: program.path.clone(),
        });
    }
    Ok(())
}

fn configuration(data: &Path, port: u16) -> String {
    let data = quoted(data.as_os_str());
    let backlog = backlog();
    // The process title stays as it is: a later start knows the process by its arguments.
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

/// A value in double quotes, as Redis's configuration reads it.
fn quoted(value: &OsStr) -> String {
    let value = value.to_string_lossy();
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// As much as the system allows, at most what many clients that reconnect at once may need:
/// asking for more only makes Redis warn.
fn backlog() -> u32 {
    fs::read_to_string("/proc/sys/net/core/somaxconn")
        .ok()
        .and_then(|text| text.trim().parse::<u32>().ok())
        .map_or(511, |most| most.min(4096))
}

/// Ready is what has our process id (another server could have the port) and is not loading.
async fn ask(port: u16, pid: u32) -> Readiness {
    match info(port).await {
        Err(error) => Readiness::Busy(format!("no answer yet: {error}")),
        Ok(info) if info.get::<u32>("process_id") != Some(pid) => {
            Readiness::Busy("another server has its port".to_owned())
        }
        Ok(info) if info.get::<u8>("loading") == Some(0) => Readiness::Ready,
        Ok(info) => Readiness::Busy(format!(
            "loading its append-only file, {} of {} bytes",
            info.get::<u64>("loading_loaded_bytes").unwrap_or(0),
            info.get::<u64>("loading_total_bytes").unwrap_or(0)
        )),
    }
}

/// INFO is answered while loading too, other than PING.
async fn info(port: u16) -> Result<InfoDict, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ASK_TIMEOUT))
        .set_response_timeout(Some(ASK_TIMEOUT));
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
