//! Rows of msdb: SQL Server Agent and policy-based management.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TextHash;

rows! {
    /// `msdb.dbo.sysjobs`.
    Job {
        /// Id.
        job_id: String,
        /// Name.
        name: String,
        /// 0 = off.
        enabled: i32,
        /// Owner; 0x01 = sa.
        owner_sid: Option<String>,
        /// First step.
        start_step_id: i32,
        /// Category.
        category_id: i32,
        /// Created.
        date_created: Option<String>,
        /// Changed.
        date_modified: Option<String>,
    }

    /// `msdb.dbo.sysjobsteps`; the command itself is in the module-text file.
    JobStep {
        /// Job.
        job_id: String,
        /// From 1.
        step_id: i32,
        /// Name.
        step_name: String,
        /// TSQL, CmdExec, PowerShell, SSIS …
        subsystem: String,
        /// The command's hash and length; none where there is no command.
        command: Option<TextHash>,
        /// Database of a T-SQL step.
        database_name: Option<String>,
        /// Run as this user.
        database_user_name: Option<String>,
        /// Proxy; NULL = the Agent account or the owner.
        proxy_id: Option<i32>,
        /// File that output goes to.
        output_file_name: Option<String>,
    }

    /// `msdb.dbo.sysjobservers`: where a job runs.
    JobServer {
        /// Job.
        job_id: String,
        /// 0 = here.
        server_id: i32,
    }

    /// `msdb.dbo.sysjobschedules`.
    JobSchedule {
        /// Job.
        job_id: Option<String>,
        /// Schedule.
        schedule_id: Option<i32>,
    }

    /// `msdb.dbo.sysschedules`.
    Schedule {
        /// Id.
        schedule_id: i32,
        /// Name.
        name: String,
        /// Owner.
        owner_sid: Option<String>,
        /// 0 = off.
        enabled: i32,
        /// 1 once, 4 daily, 8 weekly, 16 and 32 monthly, 64 at Agent start, 128 when idle.
        freq_type: i32,
        /// Changed.
        date_modified: Option<String>,
    }

    /// `msdb.dbo.sysalerts`.
    Alert {
        /// Id.
        id: i32,
        /// Name.
        name: String,
        /// 0 = off.
        enabled: i32,
        /// Error that raises it; 0 = none.
        message_id: i32,
        /// Severity that raises it; 0 = none.
        severity: i32,
        /// Only in this database.
        database_name: Option<String>,
        /// Only with this text.
        event_description_keyword: Option<String>,
        /// Performance condition.
        performance_condition: Option<String>,
        /// Job that it starts; all zero = none.
        job_id: String,
    }

    /// `msdb.dbo.sysproxies`.
    Proxy {
        /// Id.
        proxy_id: i32,
        /// Name.
        name: String,
        /// Credential.
        credential_id: i32,
        /// 0 = off.
        enabled: i32,
        /// Account.
        user_sid: Option<String>,
    }

    /// `msdb.dbo.sysproxysubsystem`.
    ProxySubsystem {
        /// Proxy.
        proxy_id: i32,
        /// Subsystem.
        subsystem_id: i32,
    }

    /// `msdb.dbo.sysproxylogin`.
    ProxyLogin {
        /// Proxy.
        proxy_id: i32,
        /// Login or role.
        sid: Option<String>,
        /// 0 login, 1 server role, 2 msdb role.
        flags: i32,
    }

    /// `msdb.dbo.syssubsystems`.
    Subsystem {
        /// Id.
        subsystem_id: i32,
        /// Name.
        subsystem: String,
        /// DLL.
        subsystem_dll: Option<String>,
        /// Executable.
        agent_exe: Option<String>,
    }

    /// `msdb.dbo.syspolicy_policies_internal`, the table under the view, which msdb's owner could replace.
    Policy {
        /// Id.
        policy_id: i32,
        /// Name.
        name: String,
        /// Condition.
        condition_id: i32,
        /// Server restriction.
        root_condition_id: Option<i32>,
        /// 0 on demand, 1 prevent, 2 on change, 4 scheduled.
        execution_mode: i32,
        /// On.
        is_enabled: bool,
        /// Agent job of a scheduled policy.
        job_id: Option<String>,
    }

    /// `msdb.dbo.syspolicy_conditions_internal`; the expression itself is in the module-text file.
    PolicyCondition {
        /// Id.
        condition_id: i32,
        /// Name.
        name: String,
        /// Facet, see `syspolicy_management_facets`.
        facet_id: Option<i32>,
        /// The expression's hash and length; none where there is no expression.
        expression: Option<TextHash>,
        /// Who made it.
        created_by: Option<String>,
        /// Created.
        date_created: Option<String>,
    }
}
