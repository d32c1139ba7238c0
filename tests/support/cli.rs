//! Runs the real binary as a user would, in a scratch folder, with nothing of the tester's own
//! environment, and makes what it prints comparable.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A run to be made.
pub struct Cli {
    command: Command,
    folder: TempDir,
    input: Option<String>,
}

/// A run that was made; its folder lives as long as it does.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    folder: TempDir,
}

/// What a started run still needs.
pub struct Running {
    child: Child,
    folder: TempDir,
}

impl Cli {
    /// The binary with these arguments. The working folder is empty and the only place it may write.
    pub fn new(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mssql-posture"));
        command
            .args(args)
            .current_dir(folder.path())
            .env_clear()
            // A zone and a language that would show if anything depended on them.
            .env("TZ", "Asia/Kathmandu")
            .env("LANG", "tr_TR.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for kept in ["PATH", "SystemRoot", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        Self {
            command,
            folder,
            input: None,
        }
    }

    pub fn arg(mut self, arg: &str) -> Self {
        self.command.arg(arg);
        self
    }

    pub fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Puts a file into the working folder before the run.
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    pub fn stdin(mut self, text: &str) -> Self {
        self.input = Some(text.to_owned());
        self.command.stdin(Stdio::piped());
        self
    }

    pub fn start(mut self) -> Running {
        let mut child = self.command.spawn().unwrap();
        if let Some(input) = self.input {
            // The program may end without reading it.
            let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        }
        Running {
            child,
            folder: self.folder,
        }
    }

    pub fn run(self) -> Ran {
        self.start().wait()
    }
}

impl Running {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn wait(self) -> Ran {
        let output = self.child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            folder: self.folder,
        }
    }
}

impl Ran {
    /// Fails with everything the run said unless it ended with this code.
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(
            self.code, expected,
            "exit code\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Fails unless stderr says this.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "stderr does not say {text:?}:\n{}",
            self.stderr
        );
        self
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    #[track_caller]
    pub fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.path(relative)).unwrap_or_else(|e| panic!("{relative}: {e}"))
    }

    #[track_caller]
    pub fn json(&self, relative: &str) -> Value {
        serde_json::from_str(&self.read(relative)).unwrap()
    }

    /// The assessment of the run that wrote to `out`.
    #[track_caller]
    pub fn assessment(&self) -> Value {
        self.json("out/assessment.json")
    }

    /// One instance of that assessment.
    #[track_caller]
    pub fn instance(&self, id: &str) -> Value {
        let assessment = self.assessment();
        let instances = assessment["instances"].as_array().unwrap();
        let found = instances.iter().find(|i| i["id"] == id);
        found.unwrap_or_else(|| panic!("no instance {id}")).clone()
    }

    /// What the assessment says was not seen: facts and verdicts.
    #[track_caller]
    pub fn unseen(&self) -> Vec<String> {
        let mut unseen = Vec::new();
        for instance in self.assessment()["instances"].as_array().unwrap() {
            let id = &instance["id"];
            let missing = instance["coverage"]["missing"].as_array().unwrap().iter();
            unseen.extend(missing.map(|fact| format!("{id}: {fact}")));
            let verdicts = instance["verdicts"].as_array().unwrap().iter();
            let unknown = verdicts.filter(|v| v["outcome"] == "unknown");
            unseen.extend(unknown.map(|v| format!("{id}: {} {}", v["rule_slug"], v["message"])));
        }
        unseen
    }

    /// Every file under a folder, as paths with `/`, sorted.
    pub fn files(&self, relative: &str) -> Vec<String> {
        let root = self.path(relative);
        let mut found = Vec::new();
        let mut open = vec![root.clone()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let inner = path.strip_prefix(&root).unwrap();
                    found.push(inner.to_str().unwrap().replace('\\', "/"));
                }
            }
        }
        found.sort();
        found
    }
}

/// Every format that `audit` writes, as it says itself.
pub fn formats() -> Vec<String> {
    let help = Cli::new(&["audit", "--help"]).run().code(0).stdout;
    let values = help.split("--format <FORMAT>").nth(1).unwrap();
    let values = values.split("[default").next().unwrap();
    let values = values.lines().filter_map(|line| {
        let (name, _) = line.trim().strip_prefix("- ")?.split_once(':')?;
        Some(name.to_owned())
    });
    values.collect()
}

/// Without the statements that evidence keeps: there are as many as the version has.
pub fn but_statements(mut files: Vec<String>) -> Vec<String> {
    files.retain(|file| !file.starts_with("evidence/queries/"));
    files
}

/// The verdicts of one rule in an instance of an assessment.
pub fn verdicts<'v>(instance: &'v Value, slug: &str) -> Vec<&'v Value> {
    let all = instance["verdicts"].as_array().unwrap();
    all.iter().filter(|v| v["rule_slug"] == slug).collect()
}

/// Their outcomes, sorted.
pub fn outcomes(instance: &Value, slug: &str) -> Vec<String> {
    let found = verdicts(instance, slug);
    let mut outcomes: Vec<_> = found
        .iter()
        .map(|v| v["outcome"].as_str().unwrap().to_owned())
        .collect();
    outcomes.sort();
    outcomes
}
