//! The demo estate: nine made-up instances of corp.example, from an old Express edition to a breached
//! portal. `inventory/demo.toml` audits the files that these functions describe.

mod breached;
pub mod earlier;
mod legacy;
mod modern;
mod partial;

use super::Recording;

/// Every instance, in the order of the inventory.
pub fn all() -> Vec<Recording> {
    vec![
        legacy::crm_2012(),
        legacy::warehouse_2014(),
        legacy::billing_2016(),
        modern::webshop_2017(),
        modern::finance_2019(),
        modern::vault_2022(),
        breached::portal_2022(),
        partial::legal_2022(),
        modern::analytics_2025(),
    ]
}

/// The group of database administrators, sysadmin everywhere in the domain.
const DBAS: &str = "CORP\\DBA Team";

fn with_dbas(mut recording: Recording) -> Recording {
    recording.add_login(DBAS, "G");
    recording.add_server_member("sysadmin", DBAS);
    recording
}
