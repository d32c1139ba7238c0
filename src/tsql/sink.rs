//! The names of what is observed.

/// A way by which code reaches outside the engine, plants something that does, or cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sink {
    /// A call of xp_cmdshell, under any qualification or spelling.
    XpCmdshell,
    /// A module, aggregate or type whose body is EXTERNAL NAME.
    ClrModule,
    /// CREATE ASSEMBLY, ALTER ASSEMBLY that raises the permission set or replaces the code, and adding to the trusted
    /// assemblies.
    CreateAssembly,
    /// A call of sp_OACreate or one of its siblings.
    OleAutomation,
    /// sp_configure that opens a command channel.
    SpConfigureEnable,
    /// sp_execute_external_script, and what installs libraries and languages for it.
    ExternalScript,
    /// A job step that is not T-SQL is created or changed.
    AgentJob,
    /// OPENROWSET with a provider, and OPENDATASOURCE.
    AdhocRemote,
    /// Code is executed at a linked server.
    LinkedExec,
    /// A write to the registry.
    RegistryWrite,
    /// An extended procedure is registered.
    ExtendedProcAdd,
    /// A procedure is made to run when the server starts.
    StartupProc,
    /// An extended procedure or function that reaches the file system.
    OtherXp,
    /// BULK INSERT, and OPENROWSET(BULK …).
    BulkFile,
    /// A call of sp_invoke_external_rest_endpoint.
    RestEndpoint,
    /// Code is executed that could not be read, or not in full.
    DynamicUnresolved,
}

impl Sink {
    /// Every sink, in order.
    pub const ALL: [Self; 16] = [
        Self::XpCmdshell,
        Self::ClrModule,
        Self::CreateAssembly,
        Self::OleAutomation,
        Self::SpConfigureEnable,
        Self::ExternalScript,
        Self::AgentJob,
        Self::AdhocRemote,
        Self::LinkedExec,
        Self::RegistryWrite,
        Self::ExtendedProcAdd,
        Self::StartupProc,
        Self::OtherXp,
        Self::BulkFile,
        Self::RestEndpoint,
        Self::DynamicUnresolved,
    ];

    /// What it means, in one sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::XpCmdshell => "xp_cmdshell runs an operating-system command.",
            Self::ClrModule => "The body is code of a CLR assembly.",
            Self::CreateAssembly => {
                "A CLR assembly is created, given other code or more rights, or trusted."
            }
            Self::OleAutomation => "OLE automation creates or uses a COM object.",
            Self::SpConfigureEnable => "An option is set that opens a command channel.",
            Self::ExternalScript => {
                "An external script runs, or a library or language for it is installed."
            }
            Self::AgentJob => "A job step is created or changed that is not T-SQL.",
            Self::AdhocRemote => {
                "A remote source is opened ad hoc by OPENROWSET or OPENDATASOURCE."
            }
            Self::LinkedExec => "Code is executed at a linked server.",
            Self::RegistryWrite => "The registry is written.",
            Self::ExtendedProcAdd => "An extended procedure is registered from a DLL.",
            Self::StartupProc => "A procedure is made to run when the server starts.",
            Self::OtherXp => "An extended procedure or function reaches the file system.",
            Self::BulkFile => "A file is read by BULK INSERT or OPENROWSET(BULK …).",
            Self::RestEndpoint => "An external REST endpoint is called.",
            Self::DynamicUnresolved => "Text is executed that could not be read.",
        }
    }

    /// The sink's name in machine output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::XpCmdshell => "xp_cmdshell",
            Self::ClrModule => "clr_module",
            Self::CreateAssembly => "create_assembly",
            Self::OleAutomation => "ole_automation",
            Self::SpConfigureEnable => "sp_configure_enable",
            Self::ExternalScript => "external_script",
            Self::AgentJob => "agent_job",
            Self::AdhocRemote => "adhoc_remote",
            Self::LinkedExec => "linked_exec",
            Self::RegistryWrite => "registry_write",
            Self::ExtendedProcAdd => "extended_proc_add",
            Self::StartupProc => "startup_proc",
            Self::OtherXp => "other_xp",
            Self::BulkFile => "bulk_file",
            Self::RestEndpoint => "rest_endpoint",
            Self::DynamicUnresolved => "dynamic_unresolved",
        }
    }
}

/// How the text comes to a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// In the text's own code.
    Direct,
    /// Whole inside a string that is executed.
    DynamicLiteral,
    /// Inside text that is executed, and the name itself is put together from pieces.
    DynamicConcat,
    /// By a synonym.
    Synonym,
    /// `EXEC @name`, the name being the variable's value.
    ViaVariableProcName,
    /// By a call of another module that comes to it.
    ViaModule,
}

impl How {
    /// The word in machine output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::DynamicLiteral => "dynamic_literal",
            Self::DynamicConcat => "dynamic_concat",
            Self::Synonym => "synonym",
            Self::ViaVariableProcName => "via_variable_proc_name",
            Self::ViaModule => "via_module",
        }
    }
}
