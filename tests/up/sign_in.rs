//! Signing in without an identity provider.

use reqwest::Method;
use rustix::process::Signal;

use super::{Up, dir, in_dir};
use crate::support::browser::Browser;
use crate::support::client::answer;
use crate::support::process::Process;

#[tokio::test]
async fn the_printed_link_signs_an_admin_in_once() {
    let dir = dir("link");
    let mut up = Up::start(&dir.0);
    let mut browser = Browser::new(up.client.base());
    let preview = answer(browser.request(Method::HEAD, &up.link)).await;
    assert_eq!(preview.status, 400, "a HEAD request does not sign in");
    let signed_in = browser.get(&up.link).await;
    assert_eq!(signed_in.status, 303, "{signed_in:?}");
    assert_eq!(browser.me().await.body["role"], "admin");
    let again = Browser::new(up.client.base()).get(&up.link).await;
    again.problem(400, "sign-in-failed");

    assert!(up.process.stop(Signal::INT).success());
    let session = browser.session().unwrap();
    assert!(
        !up.process.errors().contains(session),
        "the log contains no session token"
    );
    let again = Up::start(&dir.0);
    assert_ne!(again.link, up.link);
    let mut after = browser.at(again.client.base());
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
        let dir = dir(name);
        let mut command = in_dir(["up", "--vendor-listen", "127.0.0.1:0"], &dir.0);
        command.args(["--listen", listen]);
        command.envs(environment.iter().copied());
        let mut process = Process::start(command);
        process.line_with("  key ");
        assert!(process.stop(Signal::INT).success(), "{}", process.errors());
        let rest = process.rest_of_output();
        assert!(rest.contains("Try:") && !rest.contains("sign in"), "{rest}");
    }
}
