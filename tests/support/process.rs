//! Processes of the program: start, output, signals, and the end with the test.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::engines::bin_dir;

/// Deadline for a start, an end or a command: far more than any needs on a busy machine, including
/// an import of all CDNOW purchases by a debug build.
const PATIENCE: Duration = Duration::from_secs(180);

/// Number of log lines that a failed test shows of each of its processes.
const SHOWN_LINES: usize = 30;

/// Returns `patron` with these arguments, isolated from the variables of the tests' environment.
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

/// Exit status and output of a command that has ended.
#[derive(Debug)]
pub(crate) struct CommandOutput {
    /// Exit status; `None` if a signal ended the process.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

/// Runs a command to its end.
pub(crate) fn run(command: Command) -> CommandOutput {
    let mut process = Process::start(command);
    let status = process.wait();
    CommandOutput {
        code: status.code(),
        out: process.remaining_output(),
        err: process.stderr(),
    }
}

/// Variables whose values must not appear in the log.
const SECRETS: [&str; 5] = [
    "PATRON_BOOTSTRAP_KEY",
    "PATRON_VENDOR_SECRET",
    "PATRON_SESSION_KEYS",
    "GOOGLE_CLIENT_SECRET",
    "OPENAI_API_KEY",
];

/// Texts that must not appear in the log: beginnings of tokens and of vendors' secrets, and the
/// domain of test customers' addresses.
const FORBIDDEN_TEXTS: [&str; 3] = ["eyJhbGciOi", "whsec_", "@example.com"];

/// A running process; killed when dropped. `Drop` also searches its log for secrets and personal
/// data, so that every test checks this.
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
        let lines = read_lines(child.stdout.take().expect("piped"));
        let listener = collect_errors(child.stderr.take().expect("piped"), errors.clone());
        Self {
            child,
            secrets,
            lines,
            errors,
            listener: Some(listener),
        }
    }

    /// Returns the next line of output that contains `part`; panics if none comes in time.
    pub(crate) fn wait_for_line(&self, part: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(part) => return line,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => panic!("no line with {part:?} in time"),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!(
                        "the process ended without a line with {part:?}:\n{}",
                        self.stderr()
                    )
                }
            }
        }
    }

    /// Returns all output not yet read; waits until the process closes its output.
    pub(crate) fn remaining_output(&self) -> String {
        self.lines.iter().map(|line| line + "\n").collect()
    }

    /// Returns what the process has written to standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.errors.lock().unwrap().clone()
    }

    /// Returns the process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills the process with SIGKILL; returns once it has ended.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait();
    }

    /// Sends SIGTERM or SIGINT; returns once the process has ended.
    pub(crate) fn stop(&mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.wait()
    }

    /// Sends a signal without waiting for its effect.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).expect("the process has not been reaped");
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child process").is_some()
    }

    /// Waits until the process has ended; panics after the deadline.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child process") {
                if let Some(listener) = self.listener.take() {
                    listener.join().unwrap();
                }
                return status;
            }
            assert!(Instant::now() < deadline, "the process did not end in time");
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
            let errors = self.stderr();
            let lines: Vec<_> = errors.lines().collect();
            let last = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
            eprintln!("-- patron {}:\n{}", self.child.id(), last.join("\n"));
            return;
        }
        let errors = self.stderr();
        let leak = errors
            .lines()
            .find(|line| contains_secret(line, &self.secrets));
        assert_eq!(leak, None, "the log contains a secret or an email address");
    }
}

/// Returns the secrets in a command's environment; lists are split into their values.
fn secrets_of(command: &Command) -> Vec<String> {
    let variables = command.get_envs().filter_map(|(name, value)| {
        let is_secret = SECRETS.iter().any(|secret| name == *secret);
        is_secret.then(|| value?.to_str()).flatten()
    });
    let secrets = variables.flat_map(|value| value.split(',')).map(str::trim);
    let long_enough = secrets.filter(|secret| secret.len() >= 8);
    long_enough.map(str::to_owned).collect()
}

/// Returns whether a log line contains a secret or personal data.
fn contains_secret(line: &str, secrets: &[String]) -> bool {
    secrets.iter().any(|secret| line.contains(secret))
        || FORBIDDEN_TEXTS.iter().any(|trace| line.contains(trace))
        || has_api_key(line)
}

/// Returns whether a line contains a whole API key: `patron_`, 32 hexadecimal digits, and a
/// secret.
fn has_api_key(line: &str) -> bool {
    line.match_indices("patron_").any(|(at, prefix)| {
        let rest = &line.as_bytes()[at + prefix.len()..];
        rest.len() > 32 && rest[..32].iter().all(u8::is_ascii_hexdigit) && rest[32] == b'_'
    })
}

fn read_lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _dropped = sender.send(line);
        }
    });
    lines
}

fn collect_errors(
    errors: impl Read + Send + 'static,
    kept: Arc<Mutex<String>>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(errors).lines().map_while(Result::ok) {
            let mut kept = kept.lock().unwrap();
            kept.push_str(&line);
            kept.push('\n');
        }
    })
}
