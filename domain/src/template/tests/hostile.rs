//! Templates that try to exhaust the process.

use super::*;

/// Returns templates that would run forever, use much memory, or nest deeply.
fn hostile() -> Vec<String> {
    let most = |text: &str| text.repeat(16_000 / text.len());
    let loops = |depth: usize| {
        let open = "{% for i in range(1000) %}".repeat(depth);
        format!("{open}x{}", "{% endfor %}".repeat(depth))
    };
    let mut all: Vec<String> = [
        "{{ 'x' * 10**9 }}",
        "{{ 'x' * 99999999 }}",
        "{{ [1] * 10**9 }}",
        "{{ [1] * 99999999 }}",
        "{{ 10**10**10 }}",
        "{{ range(10**9) | list }}",
        "{{ range(100000) | list }}",
        "{{ range(100000) | join('xxxxxxxxxxxxxxxxxxxxxxxx') }}",
        "{{ range(100000) | string }}",
        "{{ range(100000) | sum }}",
        "{{ range(100000) | sort }}",
        "{{ range(100000) | unique }}",
        "{{ range(100000) | reverse }}",
        "{{ range(100000) | max }}",
        "{{ (range(100000) | list)[::2] }}",
        "{% for i in range(100000) %}{% endfor %}x",
        "{% for i in range(100000) if false %}{% endfor %}x",
        "{% set a = 'x' * 9999 %}{% for i in range(9999) %}{% set b = a ~ a %}{% endfor %}x",
        "{% for i in range(9999) %}{% set a %}{{ 'x' * 9999 }}{% endset %}{% endfor %}x",
        "{{ 'x' * 16385 }}",
        "{{ ('x' * 9999) | replace('x', 'y' * 9999) }}",
        "{{ ('x' * 9999) | replace('', 'y' * 9999) }}",
        "{{ 1 | round(-10**9) }}{{ '1' * 99999 | int }}",
    ]
    .map(str::to_owned)
    .to_vec();
    all.extend([loops(2), loops(3), loops(40), loops(400)]);
    all.push(format!(
        "{}{{{{ a }}}}",
        "{% set a = 'x' %}".to_owned() + &"{% set a = a ~ a %}".repeat(60)
    ));
    for chain in [
        "+1", ".a", "|d", "()", " is in", "~a", " or a", "[1]", "[:]", "<1", "**a",
    ] {
        all.push(format!("{{{{ name{} }}}}", most(chain)));
    }
    for (open, close) in [
        ("[", "]"),
        ("(", ")"),
        ("-", ""),
        ("not ", ""),
        ("a if a else ", ""),
        ("{1:", "}"),
    ] {
        let depth = 16_000 / (open.len() + close.len());
        all.push(format!(
            "{{{{ {}1{} }}}}",
            open.repeat(depth),
            close.repeat(depth)
        ));
    }
    for (open, close) in [
        ("{%if visits%}", "{%endif%}"),
        ("{%filter d%}", "{%endfilter%}"),
        ("{%set a%}", "{%endset%}"),
    ] {
        let depth = 16_000 / (open.len() + close.len());
        all.push(format!("{}x{}", open.repeat(depth), close.repeat(depth)));
    }
    all.push(format!(
        "{{%if visits%}}{}{{%endif%}}",
        most("{%elif visits%}")
    ));
    all.push(format!(
        "{{%set a=1%}}{}{{{{a}}}}",
        most("{%set a=[[[[[a]]]]]%}")
    ));
    all.push("{% for i in range(5000) %}{% set a = [a | d(1)] %}{% endfor %}x".to_owned());
    all
}

#[test]
fn hostile_templates_end_quickly() {
    for text in hostile() {
        let start = Instant::now();
        let result =
            template(&text).map(|template| shown(&Renderer::new(&template).unwrap(), &ada()));
        let shown = &text[..text.len().min(60)];
        assert!(!matches!(result, Ok(Ok(_))), "{shown}: {result:?}");
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "{shown}: {:?}",
            start.elapsed()
        );
    }
}
