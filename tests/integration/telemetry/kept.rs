//! How long audits keep their records.

use super::*;

#[test]
fn files_times_size_against_the_days_that_are_asked_for() {
    let limits = |limits| move |due: &Due, r: &mut Recording| audit_of(due, r, limits);
    // 8 × 100 MB at 10 MB a day are 80 days of 90; the file in use is not counted.
    let short = |_: &Due| Recorded::KeptTooShort;
    every(
        "too few files",
        limits(("100", 8, 0)),
        NEEDS,
        short,
        "80 days",
    );
    let enough = |_: &Due| Recorded::Recorded;
    every(
        "just enough",
        limits(("100", 9, 0)),
        NEEDS,
        enough,
        "90 days",
    );
    let no_rate = AuditNeeds {
        mb_per_day: None,
        ..NEEDS
    };
    let unknown = |_: &Due| Recorded::KeptDaysNotKnown;
    every(
        "no rate",
        limits(("100", 8, 0)),
        no_rate,
        unknown,
        "days not known",
    );
    every(
        "no size",
        limits(("0", 8, 0)),
        NEEDS,
        unknown,
        "days not known",
    );
    let log = |due: &Due, r: &mut Recording| _ = r.add_audit("Sentinel", due.1);
    every("a Windows log", log, NEEDS, unknown, "that log's setting");
    let nothing = AuditNeeds {
        retention_days: Some(0),
        ..NEEDS
    };
    every(
        "0 asks for nothing",
        limits(("100", 1, 0)),
        nothing,
        enough,
        "10 days",
    );
    let unseen = |due: &Due, r: &mut Recording| {
        audit_of(due, r, AMPLE);
        deny(&mut r.snapshot.server.server_file_audits);
    };
    every("limits not seen", unseen, NEEDS, unknown, "were not seen");
}

#[test]
fn a_file_that_fills_slowly_does_not_say_how_fast_others_do() {
    let due = &DUE[0];
    // 1601-01-01 and so many days, in units of 100 ns.
    let path = |days: u64| {
        format!(
            "E:\\Audit\\Sentinel_{GUID}_0_{}.sqlaudit",
            days * 864_000_000_000
        )
    };
    let no_rate = AuditNeeds {
        mb_per_day: None,
        ..NEEDS
    };
    let kept = |path: String| {
        let mut r = instance();
        audit_of(due, &mut r, AMPLE);
        for row in r.snapshot.server.audit_status.seen_mut() {
            row.audit_file_path = Some(path.clone());
        }
        let (recorded, telemetry) = judged(&r, no_rate);
        (recorded.snapshot.ended, telemetry.audits[0].kept.clone())
    };
    let (ended, _) = kept(path(1));
    let day = ended.get(..10).unwrap();
    let today = mssql_posture::inventory::days_between("1601-01-01", day).unwrap();
    let today = u64::try_from(today).unwrap();
    for (begun, says) in [(20, "begun 19 days before"), (3, "begun 2 days before")] {
        let (_, kept) = kept(path(today - begun));
        assert_eq!(
            (kept.keeps, kept.days),
            (Keeps::DaysNotKnown, None),
            "{}",
            kept.why
        );
        assert!(kept.why.contains(says), "{}", kept.why);
    }
    for odd in [
        path(today),
        path(today + 9),
        "x_1_2.sqlaudit".repeat(2),
        "a".to_owned(),
    ] {
        let (_, kept) = kept(odd);
        assert_eq!(
            (kept.keeps, kept.days),
            (Keeps::DaysNotKnown, None),
            "{}",
            kept.why
        );
    }
}

#[test]
fn recording_that_ends_with_its_files_is_never_kept_long_enough() {
    let no_rate = AuditNeeds {
        mb_per_day: None,
        ..NEEDS
    };
    let ends = |due: &Due, r: &mut Recording| audit_of(due, r, ("100", 0, 80));
    // 800 days at that rate, of which nobody saw how many are over.
    for needs in [NEEDS, NO_NEEDS, no_rate] {
        every(
            "recording ends",
            ends,
            needs,
            |_| Recorded::UntilFull,
            "recording ends",
        );
    }
    let mut r = instance();
    ends(&DUE[0], &mut r);
    let kept = judged(&r, NEEDS).1.audits[0].kept.clone();
    assert_eq!((kept.keeps, kept.days), (Keeps::UntilFull, None));
    let grows = |due: &Due, r: &mut Recording| audit_of(due, r, ("0", 0, 80));
    let enough = |_: &Due| Recorded::Recorded;
    every("no file is ever full", grows, NEEDS, enough, "the disk");
}

#[test]
fn an_audit_says_what_it_does_when_it_cannot_write() {
    let mut r = instance();
    audit_of(&DUE[0], &mut r, AMPLE);
    let (_, telemetry) = judged(&r, NEEDS);
    let audit = &telemetry.audits[0];
    assert_eq!(audit.state, Running::Running);
    assert_eq!(audit.on_failure_desc.as_deref(), Some("CONTINUE"));
    assert_eq!(audit.queue_delay, Some(1000));
    assert_eq!(audit.target_desc.as_deref(), Some("FILE"));
    assert_eq!(audit.kept.megabytes, Some(1000));
}
