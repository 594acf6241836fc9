use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::read(line.split_whitespace())
}

#[test]
fn the_tree_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn good_lines_are_read() {
    for line in [
        "nines up stack.yaml --check",
        "nines server --listen 0.0.0.0:0 --data-dir /tmp/x --drain 5s --log-format json",
        "nines proxy --config a.yaml --workers 2 --admin 127.0.0.1:0",
        "nines --server 10.0.0.1:9999,http://10.0.0.2:9999 proxy",
        "nines proxy --server http://10.0.0.1:9999 --admin 127.0.0.1:0 --data-dir x",
        "nines apply -f a.yaml -f b --dry-run",
        "nines get HTTPRoutes -o yaml",
        "nines get policies -A",
        "nines delete service orders -n shop",
        "nines service weight orders orders-1 10",
        "nines service weight orders orders-1 --clear",
        "nines config put a --content x --format json --if-version 0",
        "nines config put a - --no-schema",
        "nines config get a --version 3",
        "nines config diff a",
        "nines config rollback a 1 --note why",
        "nines completions zsh",
        "nines status",
    ] {
        if let Err(error) = parse(line) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn wrong_use_ends_with_exit_code_2_and_says_why() {
    for (line, part) in [
        ("nines sevrer", "'server'"),
        ("nines get pods", "known kinds are gateway, httproute, service, policy"),
        ("nines get gateway a -A", "--all-namespaces"),
        ("nines apply", "--file"),
        ("nines status --server https://a:1", "TLS"),
        ("nines status --server localhost", "port is missing"),
        ("nines server --listen 9999", "--listen"),
        ("nines up stack.yaml -n shop", "--namespace does not go with `nines up`"),
        (
            "nines --server http://10.0.0.1:9999 up stack.yaml",
            "--server does not go with `nines up`",
        ),
        ("nines server --drain 5", "not a duration"),
        ("nines proxy --workers 0", "--workers"),
        ("nines service weight orders orders-1", "WEIGHT"),
        ("nines service weight orders orders-1 10001", "10001"),
        ("nines config put a", "FILE"),
        ("nines config put a f --content x", "cannot be used with"),
        ("nines config put a f --format ini", "known formats are json, yaml"),
    ] {
        let error = parse(line).expect_err(line);
        assert_eq!(error.exit_code(), 2, "{line}");
        let text = error.to_string();
        assert!(text.contains(part), "{line}: {text} lacks {part}");
    }
}

#[test]
fn help_and_version_are_no_failures() {
    for (line, kind) in [
        ("nines --help", ErrorKind::DisplayHelp),
        ("nines config put --help", ErrorKind::DisplayHelp),
        ("nines --version", ErrorKind::DisplayVersion),
    ] {
        let shown = parse(line).expect_err(line);
        assert_eq!((shown.kind(), shown.exit_code()), (kind, 0));
    }
}

#[test]
fn every_command_shows_an_example() {
    fn check(command: &mut clap::Command, path: &str) {
        let help = command.render_long_help().to_string();
        let exempt = command.is_hide_set() || command.has_subcommands() || command.get_name() == "help";
        assert!(exempt || help.contains("Examples:\n  "), "{path}: {help}");
        for sub in command.get_subcommands_mut() {
            let path = format!("{path} {}", sub.get_name());
            check(sub, &path);
        }
    }
    check(&mut Cli::command(), "nines");
}

#[test]
fn a_server_may_be_written_short() {
    let cli = parse("nines status --server 10.0.0.1:9999/,http://b:1/").expect("good");
    assert_eq!(cli.global.server, ["http://10.0.0.1:9999", "http://b:1"]);
}
