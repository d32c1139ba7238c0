//! Debian's Chromium, driven over its debugging pipe: what a page does when it is opened, and what it asks for.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than any answer takes, on a machine that compiles at the same time.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program, where it is installed. `.ci/browser` installs it and sets BROWSER; elsewhere a test may be skipped.
#[allow(clippy::print_stdout)] // said to whoever runs the tests
pub fn chromium() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join("chromium"));
    let found = found.into_iter().find(|path| path.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("BROWSER").is_none(),
            "chromium is not installed"
        );
        println!("skipped: chromium is not installed here");
    }
    found
}

/// A page in a browser of its own.
pub struct Browser {
    child: Child,
    to: File,
    from: Receiver<Value>,
    session: Option<String>,
    number: u64,
    /// Addresses that were asked for.
    pub requests: Vec<String>,
    /// Errors, exceptions, refusals of the page's policy, dialogs: as the browser reports them.
    pub complaints: Vec<String>,
    _folder: TempDir,
}

impl Browser {
    /// Opens a file, and waits until it has loaded.
    pub fn open(program: &Path, file: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (to, from) = (folder.path().join("to"), folder.path().join("from"));
        assert!(
            Command::new("mkfifo")
                .args([&to, &from])
                .status()
                .unwrap()
                .success()
        );
        // The shell hands the pipes on as the descriptors that the browser expects.
        let child = Command::new("sh")
            .args(["-c", "exec \"$@\" 3<\"$TO\" 4>\"$FROM\"", "sh"])
            .arg(program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args(["--disable-background-networking", "--remote-debugging-pipe"])
            .arg(format!(
                "--user-data-dir={}",
                folder.path().join("profile").display()
            ))
            .env("TO", &to)
            .env("FROM", &from)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let to = OpenOptions::new().write(true).open(&to).unwrap();
        let from = answers(File::open(&from).unwrap());
        let mut browser = Self {
            child,
            to,
            from,
            session: None,
            number: 0,
            requests: Vec::new(),
            complaints: Vec::new(),
            _folder: folder,
        };
        browser.attach();
        let address = format!("file://{}", file.display());
        browser.ask("Page.navigate", &json!({ "url": address }));
        browser.wait_for("Page.loadEventFired");
        browser
    }

    fn attach(&mut self) {
        let target = self.ask("Target.createTarget", &json!({ "url": "about:blank" }));
        let id = &target["targetId"];
        let flat = json!({ "targetId": id, "flatten": true });
        let session = self.ask("Target.attachToTarget", &flat);
        self.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.ask(&format!("{domain}.enable"), &json!({}));
        }
    }

    /// The value of an expression in the page.
    pub fn eval(&mut self, expression: &str) -> Value {
        let of = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.ask("Runtime.evaluate", &of);
        assert!(
            answer.get("exceptionDetails").is_none(),
            "{expression}: {answer}"
        );
        answer["result"]["value"].clone()
    }

    /// Gives keys and clicks time to be worked off.
    pub fn settle(&mut self) {
        self.eval("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))");
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.number += 1;
        let number = self.number;
        let mut asked = json!({ "id": number, "method": method, "params": params });
        if let Some(session) = &self.session {
            asked["sessionId"] = json!(session);
        }
        self.to.write_all(format!("{asked}\0").as_bytes()).unwrap();
        loop {
            let answer = self.next();
            if answer["id"] == number {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    fn wait_for(&mut self, event: &str) {
        while self.next()["method"] != event {}
    }

    fn next(&mut self) -> Value {
        let message = self.from.recv_timeout(PATIENCE).expect("chromium answers");
        let params = &message["params"];
        match message["method"].as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => {
                let address = params["request"]["url"].as_str().unwrap();
                self.requests.push(address.to_owned());
            }
            "Runtime.exceptionThrown" | "Log.entryAdded" | "Page.javascriptDialogOpening" => {
                self.complaints.push(params.to_string());
            }
            "Runtime.consoleAPICalled" => self.complaints.push(params["args"].to_string()),
            _ => {}
        }
        message
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the browser says, a message at a time: each ends with a zero byte.
fn answers(from: File) -> Receiver<Value> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let messages = BufReader::new(from).split(0);
        for message in messages.map_while(Result::ok) {
            let value = serde_json::from_slice(&message).expect("chromium speaks JSON");
            if send.send(value).is_err() {
                break;
            }
        }
    });
    receive
}
