//! Real engines for tests: one shared pair per run, or a separate pair that a test may kill.
//!
//! The shared pair is the one at `REDIS_URL` and `MONGODB_URI`, if set, as in the program.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Deadline for the start, long enough for a download over a slow connection.
const START: Duration = Duration::from_secs(300);
/// Deadline for a graceful end.
const STOP: Duration = Duration::from_secs(40);
/// Placeholder URL of an engine that is not started; nothing connects to it.
const UNUSED: &str = "unused";

/// Engines that all tests of a run share.
#[derive(Debug)]
pub(crate) struct Engines {
    /// URL of Redis, `redis://…`.
    pub(crate) redis_url: String,
    /// URI of MongoDB, `mongodb://…`.
    pub(crate) mongodb_uri: String,
    /// Path of the program, for tests that start more servers.
    pub(crate) redis_server: PathBuf,
    /// Path of the program, for tests that start more servers.
    pub(crate) mongod: PathBuf,
    /// Standard input of `patron engines`. The system closes it when the test process ends, even
    /// by SIGKILL, and then the engines end.
    _held: ChildStdin,
}

/// Returns the shared pair; the first call starts it.
pub(crate) fn engines() -> &'static Engines {
    static ENGINES: OnceLock<Engines> = OnceLock::new();
    ENGINES.get_or_init(|| {
        remove_dirs_of_ended_runs();
        let mut runner = EnginesProcess::start(&test_dir("shared"), &[]);
        Engines {
            redis_url: runner.text("redis_url"),
            mongodb_uri: runner.text("mongodb_uri"),
            redis_server: runner.program("redis_server"),
            mongod: runner.program("mongod"),
            _held: runner.process.stdin.take().expect("piped"),
        }
    })
}

/// A pair of engines that only one test uses and may kill. Each runs under a `patron engines` of
/// its own, so that the death of one does not end the other.
#[derive(Debug)]
pub(crate) struct OwnEngines {
    dir: PathBuf,
    redis: EnginesProcess,
    /// `None` if the test starts MongoDB in another way.
    mongod: Option<EnginesProcess>,
    /// Last field: dropped, and so removed, after the engines have ended.
    _scratch: ScratchDir,
}

impl OwnEngines {
    /// Starts both engines with their data in `dir`; existing data is kept.
    pub(crate) fn start(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            redis: start_redis(dir),
            mongod: Some(start_mongod(dir)),
            _scratch: ScratchDir(dir.to_owned()),
        }
    }

    /// Starts only Redis.
    pub(crate) fn start_redis_only(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            redis: start_redis(dir),
            mongod: None,
            _scratch: ScratchDir(dir.to_owned()),
        }
    }

    /// Returns the URL of Redis, the same after a restart.
    pub(crate) fn redis_url(&self) -> String {
        self.redis.text("redis_url")
    }

    /// Returns the URI of MongoDB, the same after a restart.
    pub(crate) fn mongodb_uri(&self) -> String {
        self.mongod().text("mongodb_uri")
    }

    /// Kills Redis with SIGKILL; returns once it has ended.
    pub(crate) fn kill_redis(&mut self) {
        kill(self.redis.pid("redis_pid"));
        self.redis.wait();
    }

    /// Kills MongoDB with SIGKILL; returns once it has ended.
    pub(crate) fn kill_mongod(&mut self) {
        let mongod = self.mongod.as_mut().expect("there is a mongod");
        kill(mongod.pid("mongod_pid"));
        mongod.wait();
    }

    /// Sends a signal such as SIGSTOP or SIGCONT to Redis.
    pub(crate) fn signal_redis(&self, signal: Signal) {
        kill_process(self.redis.pid("redis_pid"), signal).expect("it runs");
    }

    /// Sends a signal such as SIGSTOP or SIGCONT to MongoDB.
    pub(crate) fn signal_mongod(&self, signal: Signal) {
        kill_process(self.mongod().pid("mongod_pid"), signal).expect("it runs");
    }

    /// Restarts the engines that were killed, on the same ports and data.
    pub(crate) fn restart(&mut self) {
        if self.redis.has_ended() {
            let url = self.redis_url();
            self.redis = start_redis(&self.dir);
            assert_eq!(url, self.redis_url());
        }
        if self.mongod.as_mut().is_some_and(EnginesProcess::has_ended) {
            let uri = self.mongodb_uri();
            self.mongod = Some(start_mongod(&self.dir));
            assert_eq!(uri, self.mongodb_uri());
        }
    }

    fn mongod(&self) -> &EnginesProcess {
        self.mongod.as_ref().expect("there is a mongod")
    }
}

fn start_redis(dir: &Path) -> EnginesProcess {
    EnginesProcess::start(
        &dir.join("own-redis"),
        &["--redis-url=", "--mongodb-uri", UNUSED],
    )
}

fn start_mongod(dir: &Path) -> EnginesProcess {
    EnginesProcess::start(
        &dir.join("own-mongod"),
        &["--mongodb-uri=", "--redis-url", UNUSED],
    )
}

/// A `patron engines` process; ended when dropped.
#[derive(Debug)]
struct EnginesProcess {
    process: Child,
    /// First line of output: URLs, process ids and programs.
    printed: Value,
}

impl EnginesProcess {
    fn start(dir: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_patron"));
        command
            .args(["engines", "--data-dir"])
            .arg(dir)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .env("PATRON_BIN_DIR", bin_dir());
        let mut process = command.spawn().expect("patron can be run");
        let printed = read_first_line(&mut process);
        Self { process, printed }
    }

    fn text(&self, name: &str) -> String {
        self.printed[name].as_str().expect(name).to_owned()
    }

    /// Returns the path of a server program. With engines given by URL none is printed, so the
    /// PATH must have one.
    fn program(&self, name: &str) -> PathBuf {
        let printed = self.printed[name].as_str().map(PathBuf::from);
        printed.unwrap_or_else(|| name.replace('_', "-").into())
    }

    fn pid(&self, name: &str) -> Pid {
        let pid = self.printed[name].as_i64().expect(name);
        Pid::from_raw(pid.try_into().expect(name)).expect(name)
    }

    fn has_ended(&mut self) -> bool {
        self.process.try_wait().expect("a child process").is_some()
    }

    fn wait(&mut self) {
        let deadline = Instant::now() + STOP;
        while !self.has_ended() {
            assert!(
                Instant::now() < deadline,
                "`patron engines` did not end in time"
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for EnginesProcess {
    fn drop(&mut self) {
        // The input of the shared pair was moved into `Engines`, so its runner must keep running.
        if self.process.stdin.take().is_some() && !thread::panicking() {
            self.wait();
        }
    }
}

fn read_first_line(process: &mut Child) -> Value {
    let output = process.stdout.take().expect("piped");
    // A thread reads the line, since a read from a pipe has no timeout.
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        sender.send(read.map(|_| line))
    });
    let line = receiver.recv_timeout(START);
    let line = line.expect("engines start in time");
    serde_json::from_str(&line.expect("readable")).expect("engines print their URLs")
}

fn kill(pid: Pid) {
    kill_process(pid, Signal::KILL).expect("it runs");
}

/// Returns the directory of fetched programs, shared by all tests and by `patron` in the
/// workspace.
pub(crate) fn bin_dir() -> PathBuf {
    let given = env::var_os("PATRON_BIN_DIR").map(PathBuf::from);
    given.unwrap_or_else(|| workspace().join(".patron/bin"))
}

/// Returns the root directory of the repository.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A directory that is removed when dropped, since a `mongod` takes 300 MB and a run starts
/// dozens. If the test fails, the directory is kept for inspection until a later run starts.
#[derive(Debug)]
pub(crate) struct ScratchDir(pub(crate) PathBuf);

impl Drop for ScratchDir {
    fn drop(&mut self) {
        if !thread::panicking() {
            let _in_use = fs::remove_dir_all(&self.0);
        }
    }
}

/// Returns the path of this run's directory with this name; the name must be unique per test.
pub(crate) fn test_dir(name: &str) -> PathBuf {
    let run = format!("engines-{}", std::process::id());
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(run).join(name)
}

fn remove_dirs_of_ended_runs() {
    let Ok(entries) = fs::read_dir(env!("CARGO_TARGET_TMPDIR")) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix("engines-"));
        let pid = pid.and_then(|pid| pid.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _in_use = fs::remove_dir_all(entry.path());
        }
    }
}
