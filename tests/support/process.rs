//! The program as processes: started, listened to, signalled, and ended with the test.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::engines::bin_dir;

/// Far beyond what a start, an end or a short command takes on a busy machine; an import of
/// everything in debug included.
const PATIENCE: Duration = Duration::from_secs(180);

/// How many lines of log a failed test shows of each of its processes.
const SHOWN: usize = 30;

/// `patron` with these arguments, knowing nothing of the environment that the tests run in.
pub(crate) fn patron<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patron"));
    for (name, _) in env::vars_os() {
        let ours = name.to_str().is_some_and(|name| {
            ["PATRON_", "GOOGLE_", "OPENAI_"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        });
        if ours || name == "REDIS_URL" || name == "MONGODB_URI" {
            command.env_remove(name);
        }
    }
    command.args(arguments).env("PATRON_BIN_DIR", bin_dir());
    command
}

/// What a command that has ended leaves behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Exit status; none if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

/// Runs a command to its end.
pub(crate) fn run(command: Command) -> Ended {
    let mut process = Process::start(command);
    let status = process.wait();
    Ended {
        code: status.code(),
        out: process.rest_of_output(),
        err: process.errors(),
    }
}

/// What no line of log may have: the values of these variables.
const SECRETS: [&str; 5] = [
    "PATRON_BOOTSTRAP_KEY",
    "PATRON_VENDOR_SECRET",
    "PATRON_SESSION_KEYS",
    "GOOGLE_CLIENT_SECRET",
    "OPENAI_API_KEY",
];

/// Nor these: tokens, vendors' secrets, and addresses of made customers.
const TRACES: [&str; 3] = ["eyJhbGciOi", "whsec_", "@example.com"];

/// A running process; killed when dropped. Its log is then looked through for
/// secrets and personal data.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    secrets: Vec<String>,
    lines: Receiver<String>,
    errors: Arc<Mutex<String>>,
    listener: Option<thread::JoinHandle<()>>,
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let secrets = secrets_of(&command);
        let mut child = command.spawn().expect("patron can be run");
        let errors = Arc::new(Mutex::new(String::new()));
        let lines = listen(child.stdout.take().expect("piped"));
        let listener = keep(child.stderr.take().expect("piped"), errors.clone());
        Self {
            child,
            secrets,
            lines,
            errors,
            listener: Some(listener),
        }
    }

    /// The next line of output with `part` in it; fails the test if there never is one.
    pub(crate) fn line_with(&self, part: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(part) => return line,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => panic!("it does not say {part:?}"),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("it ended without saying {part:?}:\n{}", self.errors())
                }
            }
        }
    }

    /// All output not yet read, once it has ended.
    pub(crate) fn rest_of_output(&self) -> String {
        self.lines.iter().map(|line| line + "\n").collect()
    }

    /// What it has written to standard error so far.
    pub(crate) fn errors(&self) -> String {
        self.errors.lock().unwrap().clone()
    }

    /// As the system has it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL; returns once it is gone.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait();
    }

    /// SIGTERM or SIGINT; returns once it has ended.
    pub(crate) fn stop(&mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.wait()
    }

    /// Sends a signal and does not wait for what comes of it.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).expect("it was not waited for yet");
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_some()
    }

    /// Returns once it has ended, by itself or by a signal.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                if let Some(listener) = self.listener.take() {
                    listener.join().unwrap();
                }
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.has_ended() {
            let _ended_meanwhile = self.child.kill();
            let _ended = self.child.wait();
        }
        if thread::panicking() {
            let errors = self.errors();
            let lines: Vec<_> = errors.lines().collect();
            let last = &lines[lines.len().saturating_sub(SHOWN)..];
            eprintln!("-- patron {}:\n{}", self.child.id(), last.join("\n"));
            return;
        }
        let errors = self.errors();
        let told = errors.lines().find(|line| tells(line, &self.secrets));
        assert_eq!(told, None, "a secret, or somebody's address, is in the log");
    }
}

/// The secrets that a command is given; each of a list by itself.
fn secrets_of(command: &Command) -> Vec<String> {
    let variables = command.get_envs().filter_map(|(name, value)| {
        let is_secret = SECRETS.iter().any(|secret| name == *secret);
        is_secret.then(|| value?.to_str()).flatten()
    });
    let secrets = variables.flat_map(|value| value.split(',')).map(str::trim);
    let long_enough = secrets.filter(|secret| secret.len() >= 8);
    long_enough.map(str::to_owned).collect()
}

fn tells(line: &str, secrets: &[String]) -> bool {
    secrets.iter().any(|secret| line.contains(secret))
        || TRACES.iter().any(|trace| line.contains(trace))
        || shows_key(line)
}

/// Whether there is a whole API key in it: `patron_`, 32 digits, and its secret.
fn shows_key(line: &str) -> bool {
    line.match_indices("patron_").any(|(at, prefix)| {
        let rest = &line.as_bytes()[at + prefix.len()..];
        rest.len() > 32 && rest[..32].iter().all(u8::is_ascii_hexdigit) && rest[32] == b'_'
    })
}

fn listen(output: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _nobody_listens = tell.send(line);
        }
    });
    lines
}

fn keep(errors: impl Read + Send + 'static, kept: Arc<Mutex<String>>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(errors).lines().map_while(Result::ok) {
            let mut kept = kept.lock().unwrap();
            kept.push_str(&line);
            kept.push('\n');
        }
    })
}
