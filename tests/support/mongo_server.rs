//! MongoDB servers for one test, with custom settings: a single server, or a replica set.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::future::join_all;
use mongodb::Client;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::ClientOptions;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::timeout;

use super::engines::{ScratchDir, engines, test_dir};
use super::redis_server::{GUARD, free_port};
use super::wait::{eventually, until};

/// Settings that allow fail points.
pub(crate) const TEST_COMMANDS: &str = "setParameter: {enableTestCommands: 1}\n";

const SET: &str = "patron-test";

/// A `mongod` on a free port of 127.0.0.1; killed when dropped.
#[derive(Debug)]
pub(crate) struct MongoServer {
    port: u16,
    dir: PathBuf,
    /// The process that kills the server; none while the server is dead.
    guard: Option<Child>,
    /// Dropped after `Drop` has killed the server, since the server writes into this directory.
    _scratch: ScratchDir,
}

impl MongoServer {
    /// Starts a server with these lines of YAML configuration, and its data in the test directory
    /// `name`.
    pub(crate) async fn start(name: &str, settings: &str) -> Self {
        let dir = test_dir(name);
        let port = free_port();
        fs::create_dir_all(dir.join("data")).unwrap();
        let text = format!(
            "storage: {{dbPath: \"{}\", wiredTiger: {{engineConfig: {{cacheSizeGB: 0.25}}}}}}\n\
             net: {{port: {port}, bindIp: 127.0.0.1, unixDomainSocket: {{enabled: false}}}}\n\
             {settings}",
            dir.join("data").display(),
        );
        fs::write(dir.join("mongod.conf"), text).unwrap();
        let mut server = Self {
            port,
            _scratch: ScratchDir(dir.clone()),
            dir,
            guard: None,
        };
        server.restart().await;
        server
    }

    /// Returns the URI of this server alone, `mongodb://…`. The driver checks again within half a
    /// second a server that announced its shutdown.
    pub(crate) fn uri(&self) -> String {
        let host = self.host();
        format!("mongodb://{host}/?directConnection=true&heartbeatFrequencyMS=500")
    }

    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Kills the server with SIGKILL; returns once it has ended.
    pub(crate) fn kill(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            let _ended = guard.wait();
        }
    }

    /// Returns the process id of the server itself, for SIGSTOP and SIGCONT.
    pub(crate) async fn pid(&self) -> Pid {
        let status = self.admin(doc! {"serverStatus": 1}).await.unwrap();
        let pid = status.get_i64("pid").unwrap();
        Pid::from_raw(pid.try_into().unwrap()).unwrap()
    }

    /// Removes the data of a server that was killed.
    fn delete_data(&self) {
        assert!(self.guard.is_none(), "the server is running");
        let data = self.dir.join("data");
        fs::remove_dir_all(&data).unwrap();
        fs::create_dir(&data).unwrap();
    }

    /// Starts the killed server again on the same port and data; returns once it answers.
    pub(crate) async fn restart(&mut self) {
        assert!(self.guard.is_none(), "the server is running");
        let guard = Command::new("sh")
            .args(["-c", &GUARD.replace("\"$1\"", "--config \"$1\"")])
            .arg(&engines().mongod)
            .arg(self.dir.join("mongod.conf"))
            .arg(self.dir.join("log"))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        self.guard = Some(guard);
        until("mongod answers", async || {
            self.admin(doc! {"ping": 1}).await.is_ok()
        })
        .await;
    }

    /// Runs a command on the database `admin`.
    pub(crate) async fn admin(&self, command: Document) -> mongodb::error::Result<Document> {
        self.client()
            .await
            .database("admin")
            .run_command(command)
            .await
    }

    /// Returns a client of this server alone, even if it is a member of a set.
    pub(crate) async fn client(&self) -> Client {
        let mut options = ClientOptions::parse(self.uri()).await.unwrap();
        options.server_selection_timeout = Some(Duration::from_millis(500));
        Client::with_options(options).unwrap()
    }

    /// Turns a fail point on, with this configuration.
    pub(crate) async fn enable_fail_point(&self, point: &str, data: Document) {
        let on = doc! {"configureFailPoint": point, "mode": "alwaysOn", "data": data};
        self.admin(on).await.unwrap();
    }

    /// Turns a fail point off.
    pub(crate) async fn disable_fail_point(&self, point: &str) {
        let off = doc! {"configureFailPoint": point, "mode": "off"};
        self.admin(off).await.unwrap();
    }

    /// Returns whether the server reports this state: `isWritablePrimary` or `secondary`.
    async fn has_role(&self, role: &str) -> bool {
        let hello = self.admin(doc! {"hello": 1}).await;
        hello.is_ok_and(|hello| hello.get_bool(role).unwrap_or_default())
    }
}

impl Drop for MongoServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Time after which a member counts as hanging in its rollback; a normal one takes a second or
/// two.
const HANG_TIMEOUT: Duration = Duration::from_secs(10);

/// Number of times that hanging members are restarted.
const MAX_RESTARTS: u32 = 3;

/// A replica set of three `mongod` that fails over within seconds.
#[derive(Debug)]
pub(crate) struct ReplicaSet {
    pub(crate) members: Vec<MongoServer>,
}

impl ReplicaSet {
    /// Starts the members with their data in test directories below `name`; returns once there is
    /// a primary.
    pub(crate) async fn start(name: &str) -> Self {
        let settings =
            format!("replication: {{replSetName: {SET}, oplogSizeMB: 128}}\n{TEST_COMMANDS}");
        let names = [0, 1, 2].map(|n| format!("{name}/{n}"));
        let servers = names.iter().map(|name| MongoServer::start(name, &settings));
        let set = Self {
            members: join_all(servers).await,
        };
        let member =
            |(id, server): (usize, &MongoServer)| doc! {"_id": id as i32, "host": server.host()};
        let members: Vec<Document> = set.members.iter().enumerate().map(member).collect();
        // Without catch-up, a new primary takes nothing over from the old one, so that a failover
        // loses everything that it may lose.
        let timing = doc! {
            "electionTimeoutMillis": 1_500,
            "heartbeatIntervalMillis": 300,
            "catchUpTimeoutMillis": 0,
        };
        let config = doc! {"_id": SET, "members": members, "settings": timing};
        let initiated = set.members[0].admin(doc! {"replSetInitiate": config}).await;
        initiated.unwrap();
        set.primary().await;
        set.wait_until_healthy().await;
        set
    }

    /// Returns the URI of the set, `mongodb://…`, with all members.
    pub(crate) fn uri(&self) -> String {
        let hosts: Vec<_> = self.members.iter().map(MongoServer::host).collect();
        format!("mongodb://{}/?replicaSet={SET}", hosts.join(","))
    }

    /// Waits for a primary; returns its index.
    pub(crate) async fn primary(&self) -> usize {
        eventually("a primary", async || {
            let each = self.members.iter().map(|m| m.has_role("isWritablePrimary"));
            join_all(each).await.iter().position(|is| *is)
        })
        .await
    }

    /// Kills the primary and starts it again once another member has taken over.
    pub(crate) async fn kill_primary(&mut self) {
        let primary = self.primary().await;
        self.members[primary].kill();
        self.primary().await;
        self.members[primary].restart().await;
    }

    /// Kills all members, then starts them again.
    pub(crate) async fn kill_all(&mut self) {
        for member in &mut self.members {
            member.kill();
        }
        join_all(self.members.iter_mut().map(MongoServer::restart)).await;
    }

    /// Makes the primary step down at once, even if the secondaries lag.
    pub(crate) async fn step_down(&self) {
        let primary = self.primary().await;
        let step_down =
            doc! {"replSetStepDown": 10, "secondaryCatchUpPeriodSecs": 0, "force": true};
        self.members[primary].admin(step_down).await.unwrap();
    }

    /// Stops the primary's process for this time; if it is long enough, another member takes over.
    pub(crate) async fn suspend_primary(&self, time: Duration) {
        let primary = self.members[self.primary().await].pid().await;
        kill_process(primary, Signal::STOP).unwrap();
        tokio::time::sleep(time).await;
        kill_process(primary, Signal::CONT).unwrap();
    }

    /// Waits until every member is up and has the writes of the primary's term. The state alone is
    /// not enough: a former primary reports itself as secondary before it rolls back.
    pub(crate) async fn wait_until_healthy(&self) {
        until("a primary and two secondaries in its term", async || {
            self.lagging_members()
                .await
                .is_some_and(|behind| behind.is_empty())
        })
        .await;
    }

    /// Like [`wait_until_healthy`](Self::wait_until_healthy), after a member was killed. MongoDB
    /// 6.0 can hang permanently in a rollback; such a member is killed and restarted, as an
    /// operator would do. A member that hangs again gets all data from the others. This loses no
    /// acknowledged write, since a majority has those.
    pub(crate) async fn recover(&mut self) {
        for restarts in 0..MAX_RESTARTS {
            if timeout(
                HANG_TIMEOUT * (restarts + 1).min(2),
                self.wait_until_healthy(),
            )
            .await
            .is_ok()
            {
                return;
            }
            for member in self.lagging_members().await.unwrap_or_default() {
                let member = &mut self.members[member];
                member.kill();
                if restarts > 0 {
                    member.delete_data();
                }
                member.restart().await;
            }
        }
        self.wait_until_healthy().await;
    }

    /// Returns the members that do not serve, or lack the writes of the primary's term.
    async fn lagging_members(&self) -> Option<Vec<usize>> {
        let primary = self.primary().await;
        let status = self.members[primary]
            .admin(doc! {"replSetGetStatus": 1})
            .await;
        let status = status.ok()?;
        let term = status.get_i64("term").ok()?;
        // MongoDB lists members in the order of the configuration, which is that of
        // `self.members`.
        let members = status.get_array("members").ok()?.iter().enumerate();
        let behind = members.filter(|(_, member)| !is_in_term(member, term));
        Some(behind.map(|(index, _)| index).collect())
    }
}

fn is_in_term(member: &Bson, term: i64) -> bool {
    let member = member.as_document();
    let state = member.and_then(|member| member.get_i32("state").ok());
    let optime = member.and_then(|member| member.get_document("optime").ok());
    let applied = optime.and_then(|optime| optime.get_i64("t").ok());
    matches!(state, Some(1 | 2)) && applied == Some(term)
}
