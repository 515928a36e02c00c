//! `patron up`: start, printed commands and sign-in link, crashes, and operator commands on its
//! data directory.

use std::fs;
use std::path::Path;
use std::process::Command;

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::campaign::{assert_accounted, launch, wait_for_completion};
use crate::support::client::{Answer, Client, send};
use crate::support::engines::{ScratchDir, test_dir};
use crate::support::process::{CommandOutput, Process, patron, run};
use crate::support::vendor::sent;
use crate::support::wait::until;

/// A running `patron up`, and the values that it printed.
struct Up {
    process: Process,
    client: Client,
    vendor: String,
    key: String,
    /// URL of the console.
    console: String,
    /// Path and query of the one-time link that signs a local admin in.
    link: String,
    curls: Vec<String>,
}

fn in_dir<const N: usize>(arguments: [&str; N], dir: &Path) -> Command {
    let mut command = patron(arguments);
    command.arg("--data-dir").arg(dir);
    command
}

fn up_command(dir: &Path) -> Command {
    let mut command = in_dir(["up"], dir);
    command.args(["--listen", "127.0.0.1:0", "--vendor-listen", "127.0.0.1:0"]);
    command
}

impl Up {
    fn start(dir: &Path) -> Self {
        Self::run(up_command(dir))
    }

    fn run(command: Command) -> Self {
        let process = Process::start(command);
        let console = process.wait_for_line("  console ");
        let console = console.split_whitespace().nth(1).unwrap().to_owned();
        let api = process.wait_for_line("  API ");
        let base = api.split_whitespace().nth(1).unwrap().to_owned();
        let vendor = process.wait_for_line("  vendor ");
        let vendor = vendor.split_whitespace().nth(1).unwrap().to_owned();
        let key = process.wait_for_line("  key ");
        let key = key.split_whitespace().nth(1).unwrap().to_owned();
        let link = process.wait_for_line("  sign in ");
        let (_, link) = link.split_once("http://localhost:").unwrap();
        let link = link.split_whitespace().next().unwrap();
        let link = link[link.find('/').unwrap()..].to_owned();
        let first = process
            .wait_for_line("curl ")
            .trim_end_matches('\\')
            .to_owned();
        let curls = vec![
            first + &process.wait_for_line("-d "),
            process.wait_for_line("curl "),
        ];
        Self {
            client: Client::new(&base, &key),
            vendor,
            process,
            key,
            console,
            link,
            curls,
        }
    }

    /// Sends the request of a printed `curl` line.
    async fn curl(&self, line: &str) -> Answer {
        let words = words(line);
        let url = words[1]
            .strip_prefix(self.client.base())
            .expect("the address of this server");
        let body = words.iter().skip_while(|word| *word != "-d").nth(1);
        let method = if body.is_some() {
            Method::POST
        } else {
            Method::GET
        };
        let mut request = self.client.with_key(None).request(method, url);
        for pair in words.windows(2).filter(|pair| pair[0] == "-H") {
            let (name, value) = pair[1].split_once(": ").unwrap();
            request = request.header(name, value);
        }
        send(request.body(body.cloned().unwrap_or_default())).await
    }

    /// Posts one order; returns its position.
    async fn order(&self, id: &str) -> String {
        let line = self.curls[0].replace("o-1", id);
        let answer = self.curl(&line).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.position()
    }
}

/// Splits a line into words like a shell; only single quotes are supported.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.trim().chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Reads the engines' process ids from the data directory.
fn engine_pids(dir: &Path) -> Vec<i32> {
    let pid = |name: &str| {
        fs::read_to_string(dir.join(name))
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    };
    vec![pid("redis-server.pid"), pid("mongod.pid")]
}

fn is_running(pid: i32) -> bool {
    // A zombie has an empty command line.
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

async fn until_engines_have_ended(pids: Vec<i32>) {
    until("the engines have ended", async || {
        !pids.iter().any(|pid| is_running(*pid))
    })
    .await;
}

/// Returns a data directory that is removed when dropped. Declare it before the process that uses
/// it, so that the process is dropped first.
fn scratch_dir(name: &str) -> ScratchDir {
    ScratchDir(test_dir(&format!("up_{name}")))
}

fn assert_succeeds(command: Command) -> CommandOutput {
    let ended = run(command);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
    ended
}

#[tokio::test]
async fn printed_commands_work_and_data_survives_a_restart() {
    let dir = scratch_dir("kept");
    let mut up = Up::start(&dir.0);
    let ordered = up.curl(&up.curls[0]).await;
    assert_eq!(ordered.status, 202, "{ordered:?}");
    assert_eq!(ordered.body["outcome"], "created");
    until("the customer can be read", async || {
        up.curl(&up.curls[1]).await.status == 200
    })
    .await;
    let customer = up.curl(&up.curls[1]).await.body;
    assert_eq!(customer["total_spend"], 1999);
    up.client.wait_until_ready().await;

    let pids = engine_pids(&dir.0);
    assert!(
        up.process.stop(Signal::INT).success(),
        "{}",
        up.process.stderr()
    );
    assert!(
        !pids.iter().any(|pid| is_running(*pid)),
        "the engines must end with `up`"
    );

    let mut again = Up::start(&dir.0);
    assert_eq!(again.key, up.key, "the key must stay the same");
    until("the customer can be read", async || {
        again.curl(&again.curls[1]).await.status == 200
    })
    .await;
    assert_eq!(again.curl(&again.curls[1]).await.body, customer);
    assert_eq!(
        again.curl(&again.curls[0]).await.body["outcome"],
        "unchanged"
    );
    assert!(again.process.stop(Signal::TERM).success());
}

#[tokio::test]
async fn a_campaign_is_sent_to_the_simulated_vendor_and_completed() {
    let dir = scratch_dir("campaign");
    let up = Up::start(&dir.0);
    let customer = |n: usize| {
        let email = format!("c-{n}@example.com");
        json!({"customer_id": format!("c-{n}"), "name": "Ada", "email": email})
    };
    let customers: Value = (0..50).map(customer).collect();
    up.client
        .post_accepted("/api/data/customers", customers)
        .await;
    let id = launch(&up.client, "up", "order_count = 0", None).await;
    wait_for_completion(&up.client, &id).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let sent = sent(&http, &up.vendor).await;
    assert_eq!(sent.len(), 50);
    let accounts = assert_accounted(&up.client, &id, &sent).await;
    assert!(accounts["delivered"].as_u64().unwrap() > 25, "{accounts}");
}

#[tokio::test]
async fn a_second_up_on_the_same_directory_is_refused() {
    let dir = scratch_dir("second");
    let up = Up::start(&dir.0);
    let second = run(up_command(&dir.0));
    assert_eq!(second.code, Some(1));
    assert!(
        second.err.contains("another patron (pid "),
        "{}",
        second.err
    );
    assert!(
        second.err.contains(&dir.0.display().to_string()),
        "{}",
        second.err
    );
    up.order("o-2").await;
}

#[tokio::test]
async fn up_starts_again_after_a_sigkill() {
    let dir = scratch_dir("killed");
    let mut up = Up::start(&dir.0);
    up.order("o-1").await;
    let pids = engine_pids(&dir.0);
    up.process.kill();
    until_engines_have_ended(pids).await;

    let mut up = Up::start(&dir.0);
    up.order("o-2").await;
    let pids = engine_pids(&dir.0);
    for pid in &pids {
        kill_process(Pid::from_raw(*pid).unwrap(), Signal::KILL).unwrap();
    }
    up.process.kill();
    until_engines_have_ended(pids).await;

    let up = Up::start(&dir.0);
    let at = up.order("o-3").await;
    let customer = up.client.customer("c-1", &at).await;
    assert_eq!(customer["order_count"], 3);
    assert_succeeds(in_dir(["verify"], &dir.0));
}

#[tokio::test]
async fn up_ends_with_an_error_when_an_engine_dies() {
    let dir = scratch_dir("engine_dies");
    let mut up = Up::start(&dir.0);
    up.order("o-1").await;
    let pids = engine_pids(&dir.0);
    kill_process(Pid::from_raw(pids[0]).unwrap(), Signal::KILL).unwrap();
    assert_eq!(up.process.wait().code(), Some(1));
    let errors = up.process.stderr();
    assert!(errors.contains("redis-server (pid "), "{errors}");
    until_engines_have_ended(pids).await;
}

#[tokio::test]
async fn the_currency_is_fixed_at_the_first_start() {
    let dir = scratch_dir("currency");
    let mut first = up_command(&dir.0);
    first.args(["--currency", "EUR"]);
    let mut up = Up::run(first);
    assert!(
        up.curls[0].contains("\"currency\":\"EUR\""),
        "{}",
        up.curls[0]
    );
    up.order("o-1").await;
    assert!(up.process.stop(Signal::INT).success());

    let mut other = up_command(&dir.0);
    other.args(["--currency", "USD"]);
    let refused = run(other);
    assert_eq!(refused.code, Some(1));
    let message = "currency was set to EUR at the first start and cannot be changed to USD";
    assert!(refused.err.contains(message), "{}", refused.err);

    let up = Up::start(&dir.0);
    assert!(
        up.curls[0].contains("\"currency\":\"EUR\""),
        "the currency must be that of the first start"
    );
}

#[tokio::test]
async fn a_failed_start_prints_the_reason_and_leaves_no_engine_running() {
    let dir = scratch_dir("refused");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut on_taken = in_dir(["up", "--vendor-listen", "127.0.0.1:0"], &dir.0);
    on_taken.args(["--listen", &address]);
    let mut short_key = up_command(&dir.0);
    short_key.args(["--bootstrap-key", "short"]);
    for (command, message) in [
        (on_taken, format!("cannot listen on {address}")),
        (short_key, "at least 16 characters".to_owned()),
    ] {
        let refused = run(command);
        assert_eq!(refused.code, Some(1));
        assert!(refused.err.contains(&message), "{}", refused.err);
        assert!(!refused.out.contains("Patron is up"), "{}", refused.out);
        assert!(!dir.0.join("mongod.pid").exists() && !dir.0.join("redis-server.pid").exists());
    }
    Up::start(&dir.0).order("o-1").await;
}

#[tokio::test]
async fn commands_find_the_engines_by_the_data_directory() {
    let dir = scratch_dir("commands");
    let mut up = Up::start(&dir.0);
    let at = up.order("o-1").await;
    up.client.customer("c-1", &at).await;
    up.client.wait_until_caught_up().await;
    assert_commands_work(&dir.0, 1);
    up.client.wait_until_caught_up().await;
    assert!(up.process.stop(Signal::INT).success());
    assert_commands_work(&dir.0, 2);

    let up = Up::start(&dir.0);
    let at = up.order("o-2").await;
    assert_eq!(up.client.customer("c-1", &at).await["order_count"], 2);
}

/// Runs `status`, `verify` and `rebuild`. `generation` is the generation of `customers` that
/// serves before, and also the number of events in the log: one order, and one event per rebuild.
fn assert_commands_work(dir: &Path, generation: u64) {
    let status = assert_succeeds(in_dir(["status", "--json"], dir));
    let status: Value = serde_json::from_str(&status.out).unwrap();
    assert_eq!(status["partitions"].as_array().unwrap().len(), 16);
    assert_eq!(status["views"][0]["name"], "customers");
    assert_eq!(status["views"][0]["generation"], generation);
    let text = assert_succeeds(in_dir(["status"], dir));
    assert!(
        text.out
            .contains(&format!("{generation} events in 16 partitions")),
        "{}",
        text.out
    );
    let verified = assert_succeeds(in_dir(["verify"], dir));
    assert!(
        verified.out.contains("everything agrees"),
        "{}",
        verified.out
    );
    let rebuilt = assert_succeeds(in_dir(["rebuild", "customers"], dir));
    let next = format!("customers: now serves generation {}", generation + 1);
    assert!(rebuilt.out.contains(&next), "{}", rebuilt.out);
}

#[tokio::test]
async fn commands_without_engines_or_directory_name_the_options() {
    let missing = in_dir(["status"], &scratch_dir("not_there").0);
    let refused = run(missing);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused
            .err
            .contains("set REDIS_URL and MONGODB_URI, or --data-dir"),
        "{}",
        refused.err
    );
    assert!(!scratch_dir("not_there").0.exists());
}

#[tokio::test]
async fn the_printed_link_signs_an_admin_in_once() {
    let dir = scratch_dir("link");
    let mut up = Up::start(&dir.0);
    let mut browser = Browser::new(up.client.base());
    let preview = send(browser.request(Method::HEAD, &up.link)).await;
    assert_eq!(preview.status, 400, "a HEAD request does not sign in");
    let signed_in = browser.get(&up.link).await;
    assert_eq!(signed_in.status, 303, "{signed_in:?}");
    let (_, port) = up.client.base().rsplit_once(':').unwrap();
    assert_eq!(up.console, format!("http://localhost:{port}/"));
    assert_eq!(signed_in.header("location"), "/", "it leads to the console");
    assert_eq!(browser.me().await.body["role"], "admin");
    let again = Browser::new(up.client.base()).get(&up.link).await;
    again.assert_problem(400, "sign-in-failed");

    assert!(up.process.stop(Signal::INT).success());
    let session = browser.session_token().unwrap();
    assert!(
        !up.process.stderr().contains(session),
        "the log contains no session token"
    );
    let again = Up::start(&dir.0);
    assert_ne!(again.link, up.link);
    let mut after = browser.for_api(again.client.base());
    assert_eq!(
        after.me().await.status,
        200,
        "the session survives a restart"
    );
}

#[tokio::test]
async fn no_link_is_printed_with_a_provider_or_on_a_public_address() {
    let with_provider = [
        ("GOOGLE_CLIENT_ID", "patron-1"),
        ("GOOGLE_CLIENT_SECRET", "s3cret"),
    ];
    for (name, listen, environment) in [
        ("provider", "127.0.0.1:0", &with_provider[..]),
        ("everywhere", "0.0.0.0:0", &[]),
    ] {
        let dir = scratch_dir(name);
        let mut command = in_dir(["up", "--vendor-listen", "127.0.0.1:0"], &dir.0);
        command.args(["--listen", listen]);
        command.envs(environment.iter().copied());
        let mut process = Process::start(command);
        process.wait_for_line("  key ");
        assert!(process.stop(Signal::INT).success(), "{}", process.stderr());
        let rest = process.remaining_output();
        assert!(rest.contains("Try:") && !rest.contains("sign in"), "{rest}");
    }
}
