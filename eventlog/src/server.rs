//! Queries to every server behind a connection.

use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::{Cmd, Value};

use crate::connection::{Connection, RedisLink};
use crate::{LogError, Memory};

/// Returns the reply of each primary, in no particular order.
pub(crate) async fn query_all(connection: &Connection, cmd: &Cmd) -> Result<Vec<Value>, LogError> {
    match connection.link() {
        RedisLink::Single(mut single) => Ok(vec![cmd.query_async(&mut single).await?]),
        RedisLink::Cluster(mut cluster) => {
            let all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
            match cluster.route_command(cmd.clone(), all).await? {
                Value::Map(nodes) => Ok(nodes.into_iter().map(|(_, answer)| answer).collect()),
                Value::Array(answers) => Ok(answers),
                other => Ok(vec![other]),
            }
        }
    }
}

/// Returns the memory of the server with the least left.
pub(crate) async fn memory(connection: &Connection) -> Result<Memory, LogError> {
    let mut info = redis::cmd("INFO");
    info.arg("memory");
    // In a cluster an append fails as soon as one server is full, so the fullest one
    // counts.
    let mut fullest = Memory::default();
    for answer in query_all(connection, &info).await? {
        let text: String = redis::from_redis_value(answer).map_err(redis::RedisError::from)?;
        let memory = Memory {
            used: field(&text, "used_memory"),
            max: field(&text, "maxmemory"),
        };
        if memory.fullness() >= fullest.fullness() {
            fullest = memory;
        }
    }
    Ok(fullest)
}

/// Returns the version of a server.
pub(crate) async fn version(connection: &Connection) -> Result<String, LogError> {
    let mut info = redis::cmd("INFO");
    info.arg("server");
    let answer = query_all(connection, &info).await?.pop();
    let text: String =
        redis::from_redis_value(answer.unwrap_or(Value::Nil)).map_err(redis::RedisError::from)?;
    Ok(text_field(&text, "redis_version")
        .unwrap_or_default()
        .to_owned())
}

fn field(info: &str, name: &str) -> u64 {
    let value = text_field(info, name).and_then(|value| value.parse().ok());
    value.unwrap_or_default()
}

fn text_field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines()
        .filter_map(|line| line.trim_end().split_once(':'))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}
