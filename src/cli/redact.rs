//! What was concluded, for others' eyes.

use std::collections::BTreeMap;

use super::judge::{Concluded, Inputs, Source};
use crate::ids::InstanceId;
use crate::report::{self, Names};

impl Concluded {
    /// The same under pseudonyms of all that snapshots and inventory name. Nothing else says how servers are called.
    ///
    /// # Errors
    /// A snapshot cannot be read again, or a name stands where one of our own words was due.
    pub fn redacted(self, sources: &[Source], inputs: &Inputs) -> anyhow::Result<Self> {
        let mut names = Names::default();
        let meant = serde_json::to_value(&inputs.inventory)?;
        names.enter_targets(&meant);
        for source in sources {
            names.enter(&source.read()?.snapshot);
        }
        names.enter_inventory(&meant);
        let assessment = report::redacted(&self.assessment, &names)?;
        let before = self.assessment.instances.iter().map(|own| &own.id);
        let after = assessment.instances.iter().map(|own| &own.id);
        let renamed: BTreeMap<&InstanceId, &InstanceId> = before.zip(after).collect();
        let mut checklists = self.checklists;
        checklists.retain_mut(|list| {
            let name = renamed.get(&list.instance).copied();
            name.map(|name| list.instance = name.clone()).is_some()
        });
        Ok(Self {
            checklists,
            servers: BTreeMap::new(),
            assessment,
        })
    }
}
