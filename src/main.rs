//! The `mssql-posture` binary; everything is in the library.

fn main() -> std::process::ExitCode {
    mssql_posture::cli::main()
}
