//! Wrong options and files, and exit statuses.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn files_of_other_programs_are_not_overwritten() {
    let server = Server::start([]).await;
    let case = Case::orders([1]);
    let other = case.sibling(".txt");
    fs::write(&other, "a diary").unwrap();
    for option in ["--rejects", "--journal"] {
        let args = case.args(&server, &format!("{TABLE} {option} {}", other.display()));
        let expected = format!("choose another file with {option}");
        assert!(failure(&args).await.contains(&expected));
        assert_eq!(fs::read_to_string(&other).unwrap(), "a diary");
    }
    let args = case.args(
        &server,
        &format!("{TABLE} --rejects {}", case.file.display()),
    );
    assert!(
        failure(&args)
            .await
            .contains("must be three different files")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_status_is_2_if_lines_were_refused() {
    let server = Server::start([]).await;
    let case = Case::orders([1]);
    let good = run(case.args(&server, TABLE)).await;
    assert_eq!(code(good), code(Ok(ExitCode::SUCCESS)));
    let case = Case::orders([-1]);
    let refused = run(case.args(&server, TABLE)).await;
    assert_eq!(code(refused), code(Ok(ExitCode::from(2))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_url_leaves_the_refused_rows_of_the_last_import() {
    let server = Server::start([]).await;
    let case = Case::orders([-1]);
    complete(&case.args(&server, TABLE)).await;
    assert_eq!(case.rejects().len(), 1);
    let wrong = run(case.args_to("nonsense", TABLE)).await;
    assert_eq!(code(wrong), code(Ok(ExitCode::from(64))));
    assert_eq!(case.rejects().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_is_a_wrong_argument() {
    let server = Server::start([]).await;
    let case = Case::orders([1]);
    fs::remove_file(&case.file).unwrap();
    for more in [
        TABLE,
        "--format ndjson",
        "--dry-run",
        "--format ndjson --dry-run",
    ] {
        let missing = run(case.args(&server, more)).await;
        assert_eq!(code(missing), code(Ok(ExitCode::from(64))), "{more}");
    }
}

fn code(status: anyhow::Result<ExitCode>) -> String {
    format!("{:?}", status.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_the_message_says_where_one_is_made() {
    let server = Server::start([]).await;
    let case = Case::orders([1]);
    let mut args = case.args(&server, TABLE);
    args.key = None;
    let message = failure(&args).await;
    assert!(
        message.contains("--key") && message.contains("console"),
        "{message}"
    );
    assert_eq!(code(run(args).await), code(Ok(ExitCode::from(64))));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_the_same_command_cannot_change_names_the_option() {
    let server = Server::start([Turn::UnauthorizedAfter(1)]).await;
    let case = Case::orders([1]);
    let message = failure(&case.args(&server, TABLE)).await;
    assert!(message.contains("correct --key first"), "{message}");
    let url = format!("{}/api", server.url);
    let message = failure(&case.args_to(&url, TABLE)).await;
    assert!(message.contains("correct --url first"), "{message}");
    assert!(message.contains("without /api"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_summary_names_the_columns_that_are_not_used() {
    let server = Server::start([]).await;
    let text = "customer_id,amount,currency,placed_at,points\nc-1,1,USD,2026-01-01,7\n";
    let case = Case::new("orders.csv", text);
    let ended = import(&case.args(&server, TABLE), RETRIES, pending()).await;
    let RunEnd::Complete { summary, .. } = ended.unwrap() else {
        panic!("stopped");
    };
    assert!(summary.ends_with("columns not used: points\n"), "{summary}");
}

#[test]
fn a_tag_separator_of_two_characters_is_explained() {
    let command = ["import", "customers", "c.csv", "--tag-separator", ",,"];
    let error = Cli::try_parse_from(command).err().unwrap().to_string();
    assert!(error.contains("must be one character"), "{error}");
}
