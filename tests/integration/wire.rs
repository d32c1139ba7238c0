//! The wire level of the test server, each part of it against the driver that the collector uses.

mod answers;
mod login;
mod trouble;
mod types;

use std::sync::Arc;

use crate::support::driver::{Driver, config};
use crate::support::tds_server::answer::{Column, Login, LoginAnswer, Step, Type, Value};
use crate::support::tds_server::{Handler, Options, Request, Session, TdsServer};

const USER: &str = "probe";
const PASSWORD: &str = "pässwörd ;'\"]€😀";

type Answers = dyn Fn(&str) -> Vec<Step> + Send + Sync;

/// Answers every request with what the closure makes of its text, for one account.
#[derive(Clone)]
struct Scripted(Arc<Answers>);

impl Handler for Scripted {
    fn login(&self, login: &Login) -> LoginAnswer {
        if login.user == USER && login.password == PASSWORD {
            LoginAnswer::Accept {
                database: "master".to_owned(),
            }
        } else {
            LoginAnswer::Refuse(error(18456, "Login failed for user 'ö'."))
        }
    }

    fn session(&self, _: &Login) -> Box<dyn Session> {
        Box::new(self.clone())
    }
}

impl Session for Scripted {
    fn answer(&mut self, request: &Request) -> Vec<Step> {
        match request {
            Request::Batch(text) => (self.0)(text),
            Request::Rpc { statement, .. } => (self.0)(statement.as_deref().unwrap_or_default()),
        }
    }
}

fn serve(
    options: Options,
    answer: impl Fn(&str) -> Vec<Step> + Send + Sync + 'static,
) -> TdsServer {
    TdsServer::start(options, Arc::new(Scripted(Arc::new(answer))))
}

fn connect(server: &TdsServer) -> Driver {
    Driver::connect(&config(server.port(), server.ca_pem(), USER, PASSWORD)).unwrap()
}

/// A server that answers everything with these steps, and a client of it.
fn answering(steps: Vec<Step>) -> (TdsServer, Driver) {
    let server = serve(Options::default(), move |_| steps.clone());
    let driver = connect(&server);
    (server, driver)
}

fn error(number: i32, text: &str) -> crate::support::tds_server::answer::Message {
    crate::support::instance::error(number, 14, text)
}

fn column(name: &str, ty: Type) -> Column {
    Column {
        name: name.to_owned(),
        ty,
        nullable: true,
    }
}

fn numbers() -> Step {
    Step::Columns(vec![column("n", Type::Int)])
}

fn number(n: i64) -> Step {
    Step::Row(vec![Value::Int(n)])
}

fn done(rows: u64) -> Step {
    Step::Done { rows }
}

fn assert_clean(server: &TdsServer) {
    assert_eq!(server.faults(), Vec::<String>::new());
}
