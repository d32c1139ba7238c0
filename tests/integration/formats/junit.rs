use super::{demo, follow};

#[test]
fn junit_has_every_verdict_and_only_a_pass_passes() {
    let (ran, due) = demo("junit");
    let xml = ran.read("out/reports/junit.xml");
    let times = |what: &str| xml.matches(what).count();
    assert_eq!(times("<testcase "), due.values().sum::<usize>());
    assert_eq!(times("<failure "), due["fail"]);
    let unknown = times("<error ") + times("<skipped message=\"not evaluated: ");
    assert_eq!(unknown, due["unknown"]);
    assert_eq!(times("<skipped message=\"accepted by "), due["accepted"]);
    assert_eq!(
        times("<skipped message=\"not applicable: "),
        due["not_applicable"]
    );
    assert_eq!(times("<property name=\"accepted\""), due["accepted"]);
    assert!(!xml.contains("<script"), "a name is no element");
    follow(&ran, &["reports/junit.xml"]);
}
