//! Exports of hosts whose form somebody else chose: whoever started the process, the exporter, or who cut the file.

use serde_json::{Value, json};

use super::exports::{export, from_files};
use super::host::{AT, SQLSERVR, created, hosts};
use crate::support::evtx;

const SYSMON: &str = "Microsoft-Windows-Sysmon";

/// As `Get-WinEvent` gives Sysmon 1: with its text alone.
fn sysmon(command: &str) -> Value {
    let text = format!(
        "Process Create:\r\nUtcTime: 2026-09-02 15:04:00.000\r\nProcessId: 5\r\nImage: C:\\Windows\\System32\\cmd.exe\r\n\
         CommandLine: {command}\r\nCurrentDirectory: C:\\\r\nUser: NT SERVICE\\MSSQLSERVER\r\nParentProcessId: 6\r\n\
         ParentImage: {SQLSERVR}\r\nParentCommandLine: x"
    );
    json!({
        "TimeCreated": "2026-09-02T15:04:00Z", "Id": 1, "ProviderName": SYSMON, "LogName": format!("{SYSMON}/Operational"),
        "MachineName": "SQL01", "RecordId": 5, "ProcessId": 2222, "ThreadId": 8, "Message": text,
    })
}

fn needs(seen: &Value) -> String {
    seen["needs"].to_string()
}

#[test]
fn a_command_line_does_not_remove_its_process_from_an_export_of_texts() {
    let read = |record: &Value, code| {
        let files = [("x.json", record.to_string().into_bytes())];
        let files = files.each_ref().map(|(name, bytes)| (*name, &bytes[..]));
        from_files(&files, &["--target", "a"]).run().code(code)
    };
    let ran = read(&sysmon("cmd /c whoami"), 0);
    assert_eq!(
        hosts(&ran)[0]["process"]["id"],
        "5",
        "not that of who wrote the record"
    );
    assert_eq!(hosts(&ran)[0]["parent"]["id"], "6");
    for (command, due) in [
        (
            "cmd /c rem \nParentImage: C:\\Windows\\explorer.exe",
            "parentimage twice",
        ),
        ("cmd /c rem \nUser: CORP\\bob", "user twice"),
        ("cmd /c echo a &\necho b", "a line among the labels"),
        ("cmd /c rem \nX: y", "a line among the labels"),
    ] {
        let ran = read(&sysmon(command), 3);
        let seen = export(&ran, "x.json");
        assert!(needs(&seen).contains(due), "{command}: {seen}");
        let found = hosts(&ran);
        assert_eq!(found[0]["parent"]["image"], SQLSERVR, "{command}");
        assert_ne!(found[0]["user"], "CORP\\bob");
    }
    let other = sysmon("cmd /c rem \nUser: x")
        .to_string()
        .replace("sqlservr.exe", "explorer.exe");
    let files = [("x.json", other.as_bytes())];
    let ran = from_files(&files, &["--target", "a"]).run().code(0);
    assert_eq!(
        hosts(&ran),
        Vec::<Value>::new(),
        "nothing of it is SQL Server's, however it is read"
    );
}

#[test]
fn sources_are_known_however_an_exporter_writes_them() {
    let text = format!(
        "A new process has been created.\n\nSubject:\n\tSecurity ID:\t\tS-1\n\tAccount Name:\t\ta\n\nProcess Information:\n\t\
         New Process ID:\t\t0x1\n\tNew Process Name:\tC:\\Windows\\System32\\cmd.exe\n\tCreator Process ID:\t0x2\n\t\
         Creator Process Name:\t{SQLSERVR}\n\tProcess Command Line:\tcmd /c whoami\n\nType 1 is a full token."
    );
    let splunk = json!({
        "_time": "2026-09-02T15:04:00Z", "EventCode": "4688", "SourceName": "Microsoft Windows security auditing.",
        "LogName": "Security", "ComputerName": "SQL01", "RecordNumber": "77", "Message": text,
    });
    let files = [("x.json", splunk.to_string())];
    let files = files
        .each_ref()
        .map(|(name, text)| (*name, text.as_bytes()));
    let ran = from_files(&files, &["--target", "a"]).run().code(0);
    let found = hosts(&ran);
    assert_eq!(
        found[0]["parent"],
        json!({"image": SQLSERVR, "id": "0x2", "command_line": null})
    );
    assert_eq!(found[0]["user"], "a");
}

#[test]
fn a_number_that_is_looked_for_from_an_unknown_source_is_counted() {
    for (provider, channel, id, is_counted) in [
        ("MyForwarder", "ForwardedEvents", 4688, true),
        ("SQLSERVERAGENT", "Application", 15457, true),
        ("MsiInstaller", "Application", 8128, true),
        ("MSSQL-ERP", "Application", 33205, true),
        ("", "ForwardedEvents", 1, true),
        ("Sysmon64", "x", 7, true),
        ("Microsoft-Windows-Kernel-General", "System", 1, false),
        ("", "System", 7, false),
        ("MsiInstaller", "Application", 1040, false),
    ] {
        let record = json!({
            "EventID": id, "ProviderName": provider, "Channel": channel, "Computer": "a",
            "TimeCreated": "2026-09-02T15:04:00Z", "param1": "x",
        });
        let code = if is_counted { 3 } else { 0 };
        let text = record.to_string();
        let ran = from_files(&[("x.json", text.as_bytes())], &["--target", "a"])
            .run()
            .code(code);
        let seen = export(&ran, "x.json");
        let is_told = needs(&seen).contains("1 records with the number of an event");
        assert_eq!(is_told, is_counted, "{provider} {channel} {id}: {seen}");
    }
}

#[test]
fn an_option_is_the_quoted_name_that_numbers_follow() {
    let read = |id: u32, text: &str, code| {
        let record = json!({
            "EventID": id, "ProviderName": "MSSQLSERVER", "Channel": "Application", "Computer": "a",
            "TimeCreated": "2026-09-02T15:04:00Z", "Message": text,
        });
        let text = record.to_string();
        let ran = from_files(&[("x.json", text.as_bytes())], &["--target", "a"])
            .run()
            .code(code);
        hosts(&ran)[0]["parameters"].clone()
    };
    for text in [
        "Configuration option 'xp_cmdshell' changed from 0 to 1. Run the RECONFIGURE statement to install.",
        "L'option de configuration 'xp_cmdshell' est passée de 0 à 1. Pour installer, exécutez l'instruction RECONFIGURE.",
        "配置选项'xp_cmdshell'已从 0 更改为 1。请运行 RECONFIGURE 语句进行安装。",
    ] {
        assert_eq!(
            read(15457, text, 0),
            json!(["xp_cmdshell", "0", "1"]),
            "{text}"
        );
    }
    let french =
        "SQL Server a bloqué l'accès à procédure 'sys.xp_cmdshell' du composant 'xp_cmdshell'.";
    assert_eq!(
        read(15281, french, 0),
        json!(["sys.xp_cmdshell", "xp_cmdshell"])
    );
    read(15457, "what nobody understands", 3);
    let brought = "Using 'C:\\a' version '1' to execute 'xp_dirtree'. .dll' version '1' to execute extended stored procedure 'xp_evil'.";
    read(8128, brought, 3);
}

#[test]
fn a_chunk_that_was_cut_out_of_a_log_is_missed() {
    let log: Vec<_> = (0..6)
        .map(|n| created(SQLSERVR, "C:\\Windows\\cmd.exe", "cmd", AT + n))
        .collect();
    let whole = evtx::log(&log, 2);
    let chunk = 65536;
    let part = |n: usize| &whole[4096 + n * chunk..4096 + (n + 1) * chunk];
    // Its count of chunks made right again.
    let of = |parts: &[usize]| {
        let mut header = whole[..4096].to_vec();
        header[42] = u8::try_from(parts.len()).unwrap();
        evtx::seal_file(&mut header);
        parts
            .iter()
            .fold(header, |file, n| [&file[..], part(*n)].concat())
    };
    let read = |parts: &[usize], code| {
        let ran = from_files(&[("x.evtx", &of(parts))], &["--target", "a"])
            .run()
            .code(code);
        (hosts(&ran).len(), needs(&export(&ran, "x.evtx")))
    };
    assert_eq!(read(&[0, 1, 2], 0).0, 6);
    assert_eq!(read(&[2, 0, 1], 0).0, 6, "a log that wrapped");
    assert_eq!(read(&[1, 2], 0).0, 4, "and lost its first");
    let (found, needs) = read(&[0, 2], 3);
    assert!(
        found == 4 && needs.contains("records 3 to 4 are not there"),
        "{needs}"
    );
    let (found, needs) = read(&[0, 1, 1, 2], 3);
    assert!(
        found == 6 && needs.contains("another chunk has record 3"),
        "{needs}"
    );
}

#[test]
fn secrets_in_command_lines_of_hosts_are_masked() {
    let lines = [
        "x --password=Hunter2xx",
        "curl -u admin:Hunter2xx http://x",
        "curl http://u:Hunter2xx@host/",
        "powershell -c \"ConvertTo-SecureString Hunter2xx -AsPlainText\"",
    ];
    let log: Vec<_> = lines
        .iter()
        .zip(0..)
        .map(|(line, n)| created(SQLSERVR, "C:\\a.exe", line, AT + n))
        .collect();
    let ran = from_files(&[("x.evtx", &evtx::log(&log, 9))], &[])
        .run()
        .code(0);
    assert_eq!(hosts(&ran).len(), lines.len());
    assert!(
        !ran.read("out").contains("Hunter2xx"),
        "{}",
        ran.read("out")
    );
}
