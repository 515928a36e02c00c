//! Prompts that want more than a rule.

use std::fs;

use serde::Deserialize;

use super::{ask, shop};
use crate::support::app::App;
use crate::support::engines::workspace;

#[derive(Deserialize)]
struct Hostile {
    prompts: Vec<String>,
}

/// Each is refused, quoting only itself; none gets anything of the store.
#[tokio::test]
async fn hostile_prompts_get_nothing() {
    let app = App::told(vec![("PATRON_AI_PER_MINUTE", "0".to_owned())]).await;
    let mut app = app;
    app.add_worker();
    shop(&app).await;
    let file = workspace().join("tests/ai/hostile.toml");
    let hostile: Hostile = toml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert!(hostile.prompts.len() >= 40);
    for prompt in hostile.prompts {
        let answered = ask(&app, &prompt).await;
        assert_eq!(answered.status, 422, "{prompt:?}: {answered:?}");
        // All but the request's id, which is made up of anything.
        let said = format!("{} {}", answered.body["detail"], answered.body["errors"]);
        for of_the_store in ["c-1", "N1", "total_spend", "80000", &app.settings().key] {
            let is_quoted = prompt.contains(of_the_store);
            assert!(
                is_quoted || !said.contains(of_the_store),
                "{prompt:?}: {said}"
            );
        }
    }
    assert_eq!(app.client.get("/healthz").await.status, 200);
}
