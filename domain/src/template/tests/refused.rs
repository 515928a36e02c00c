//! Invalid templates.

use super::*;

#[test]
fn unknown_fields_are_rejected_everywhere() {
    let cases = [
        "{{ nose }}",
        "{{ nose | default('x') }}",
        "{{ nose is defined }}",
        "{{ (nose | string)[1:2] }}",
        "{{ tags[nose:] }}",
        "{{ tags[nose] }}",
        "{{ name | default(nose) }}",
        "{{ name | replace('a', nose) }}",
        "{{ name is eq(nose) }}",
        "{{ [1, nose] }}",
        "{{ {'a': nose} }}",
        "{{ {nose: 1} }}",
        "{{ -nose }}{{ name }}",
        "{{ 1 if nose else 2 }}",
        "{{ 1 if name else nose }}",
        "{{ 1 < nose }}",
        "{{ range(nose) }}",
        "{% if visits > 1000000 %}{{ nose }}{% endif %}",
        "{% if true %}{% else %}{{ nose }}{% endif %}",
        "{% if true %}{% elif nose %}{% endif %}",
        "{% for x in nose %}{% endfor %}",
        "{% for x in [] %}{{ nose }}{% endfor %}",
        "{% for x in [] %}{% else %}{{ nose }}{% endfor %}",
        "{% for x in tags if nose %}{% endfor %}",
        "{% for nose in tags %}{% endfor %}{{ nose }}",
        "{% for x in loop %}{% endfor %}",
        "{% for nose in nose %}{% endfor %}",
        "{{ loop }}",
        "{{ self }}",
        "{{ super }}",
        "{{ range }}",
        "{% set nose = nose %}",
        "{{ nose }}{% set nose = 1 %}",
        "{% set a %}{{ nose }}{% endset %}",
        "{% set a | default(nose) %}x{% endset %}",
        "{% filter default(nose) %}x{% endfilter %}",
        "{% filter upper %}{{ nose }}{% endfilter %}",
        "{% with nose = 1 %}{% endwith %}{{ nose }}",
        "{% with nose = nose %}{% endwith %}",
    ];
    for text in cases {
        let error = template(text).unwrap_err();
        let name = match text {
            "{{ self }}" | "{{ super }}" | "{{ loop }}" | "{{ range }}" => {
                text[3..].replace(" }}", "")
            }
            "{% for x in loop %}{% endfor %}" => "loop".to_owned(),
            _ => "nose".to_owned(),
        };
        assert_eq!(error, TemplateError::Unknown(name), "{text}");
    }
}

#[test]
fn unknown_subfields_are_rejected() {
    for (text, name) in [
        ("{{ name.first }}", "name.first"),
        ("{{ attributes.size.a.b.c }}", "attributes.size.a.b.c"),
        ("{{ events.visit.cuont }}", "events.visit.cuont"),
        (
            "{{ events.visit.count.x | default(1) }}",
            "events.visit.count.x",
        ),
    ] {
        let error = template(text).unwrap_err();
        assert_eq!(error, TemplateError::Unknown(name.to_owned()), "{text}");
    }
}

#[test]
fn unsupported_features_are_rejected() {
    let cases = [
        "{{ name | nope }}",
        "{% if false %}{{ name | nope }}{% endif %}",
        "{% filter nope %}x{% endfilter %}",
        "{% set a | nope %}x{% endset %}",
        "{{ name | center(1000000000) }}",
        "{{ name | indent(1000000000) }}",
        "{{ name | pprint }}",
        "{{ name | attr('x') }}",
        "{{ tags | map('upper') }}",
        "{{ '%01000000000d' | format(1) }}",
        "{{ name is nope }}",
        "{{ nope() }}",
        "{{ debug() }}",
        "{{ dict(a=1) }}",
        "{{ namespace(a=1) }}",
        "{{ name() }}",
        "{{ name.upper() }}",
        "{{ tags.append(1) }}",
        "{% for x in tags recursive %}{{ loop(tags) }}{% endfor %}",
        "{% for x in tags %}{{ loop(tags) }}{% endfor %}",
        "{% set name.first = 1 %}",
        "{% autoescape true %}{{ name }}{% endautoescape %}",
        "{% do range(1) %}",
        "{% set a = [1] %}{% set b = [a] %}",
        "{{ name[:3] }}",
        "{{ (name | default(city))[:3] }}",
        "{{ [1] * 2 }}",
        "{{ tags * 2 }}",
        "{{ 2 * (tags if name else 1) }}",
        "{{ tags + tags }}",
        "{% set a = tags %}{{ a + a }}",
        "{% set a = 1 %}{% set a = tags %}",
        "{% set name = tags %}",
        "{% set tags = 1 %}",
        "{% for i in tags %}{% set a = 1 %}{{ a * 2 }}{% set a = tags %}{% endfor %}",
        "{% for a in [tags] %}{{ a * 2 }}{% endfor %}",
        "{% with a = tags %}{{ a * 2 }}{% endwith %}",
        "{{ (tags | default([])) * 2 }}",
        "{{ [tags][0] * 2 }}",
        "{% for x in tags %}{{ {'a': x} }}{% endfor %}",
    ];
    for text in cases {
        let error = template(text).unwrap_err();
        assert!(
            matches!(error, TemplateError::Unsupported { line: 1, .. }),
            "{text}: {error:?}"
        );
    }
}

#[test]
fn errors_name_their_line() {
    let cases = [
        (
            "Hi\n{{ name",
            "line 2: unexpected end of input, expected end of variable block",
        ),
        (
            "{% if name %}\n\nHi",
            "line 1: unexpected end of input, expected end of block",
        ),
        ("{% include 'a' %}", "line 1: unknown statement include"),
        ("{% import 'a' as b %}", "line 1: unknown statement import"),
        ("{% from 'a' import b %}", "line 1: unknown statement from"),
        ("{% extends 'a' %}", "line 1: unknown statement extends"),
        (
            "{% block a %}{% endblock %}",
            "line 1: unknown statement block",
        ),
        (
            "{% macro a() %}{% endmacro %}",
            "line 1: unknown statement macro",
        ),
        (
            "{% call a() %}{% endcall %}",
            "line 1: unknown statement call",
        ),
        ("\n{{ name is nope }}", "line 2: unknown test \"nope\""),
        ("\n\n{{ name.upper() }}", "line 3: only range can be called"),
        (
            "{{ name | money }}",
            "the template cannot be rendered for any customer: line 1: invalid operation",
        ),
        ("", "a template has 1 to 16384 bytes, this one has 0"),
    ];
    for (text, expected) in cases {
        let error = template(text).map_err(|error| error.to_string());
        assert_eq!(error, Err(expected.to_owned()), "{text}");
    }
    let long = template(&"x".repeat(16_385));
    assert_eq!(long, Err(TemplateError::Size(16_385)));
    assert!(template(&"x".repeat(16_384)).is_ok());
}
