//! T-SQL as DBAs, developers and generators write it, made from templates by a fixed seed, so that every run measures
//! the same texts.

/// A module and whether it holds a word of a sink or executes text.
pub struct Module {
    pub text: String,
    pub is_loud: bool,
}

/// Words that make a module loud, in lower case, as a plain search finds them.
const LOUD: &[&str] = &[
    "xp_",
    "sp_oa",
    "sp_configure",
    "sp_executesql",
    "sp_add_jobstep",
    "sp_msforeach",
    "exec(",
    "exec (",
    "execute(",
    "execute (",
    "exec @",
    "execute @",
    "openrowset",
    "openquery",
    "bulk insert",
    "assembly",
];

fn is_loud(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    LOUD.iter().any(|word| text.contains(word))
}

/// An estate's own modules: few of them reach out.
pub fn estate(bytes: usize) -> Vec<Module> {
    modules(bytes, 0x5EED_0001, 4)
}

/// A collection of DBA scripts: three quarters of its bytes reach out.
pub fn scripts(bytes: usize) -> Vec<Module> {
    modules(bytes, 0x5EED_0002, 75)
}

fn modules(bytes: usize, seed: u64, loud_percent: usize) -> Vec<Module> {
    let mut writer = Writer {
        random: Random(seed),
        text: String::new(),
    };
    let mut modules = Vec::new();
    let (mut all, mut loud) = (0, 0);
    while all < bytes {
        let wants_loud = loud * 100 <= all * loud_percent && loud_percent > 0 && all > 0;
        writer.module(wants_loud);
        let text = std::mem::take(&mut writer.text);
        let is_loud = is_loud(&text);
        assert_eq!(is_loud, wants_loud, "{text}");
        all += text.len();
        loud += if is_loud { text.len() } else { 0 };
        modules.push(Module { text, is_loud });
    }
    modules
}

/// One module of many parts, of this many bytes or a little more.
pub fn large(bytes: usize) -> String {
    let mut writer = Writer {
        random: Random(0x5EED_0003),
        text: String::new(),
    };
    writer.procedure_header();
    writer.line("BEGIN");
    while writer.text.len() < bytes {
        let loud = writer.random.one_in(5);
        writer.statement(loud);
    }
    writer.line("END");
    writer.text
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap();
        usize::try_from(self.next() % end).unwrap()
    }

    fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const SCHEMAS: &[&str] = &["dbo", "sales", "hr", "[warehouse]", "audit", "stage"];
const NOUNS: &[&str] = &[
    "Order",
    "Customer",
    "Invoice",
    "Product",
    "Shipment",
    "Employee",
    "Ledger",
    "Account",
    "Supplier",
    "Contract",
    "Payment",
    "PriceList",
    "Warehouse",
    "Ticket",
    "Campaign",
];
const TAILS: &[&str] = &["", "Detail", "History", "Line", "Status", "Archive", "Type"];
const COLUMNS: &[&str] = &[
    "Id",
    "Name",
    "CreatedOn",
    "CreatedBy",
    "ModifiedOn",
    "Quantity",
    "UnitPrice",
    "StatusCode",
    "CustomerId",
    "OrderNumber",
    "IsActive",
    "Remarks",
    "DueDate",
    "Amount",
    "CurrencyCode",
    "RegionId",
    "ExecutionDate",
    "ParentId",
];
const TYPES: &[&str] = &[
    "int",
    "bigint",
    "nvarchar(100)",
    "varchar(20)",
    "datetime",
    "decimal(18, 2)",
    "bit",
    "uniqueidentifier",
    "nvarchar(max)",
    "date",
];
const AUTHORS: &[&str] = &[
    "J. Miller",
    "kovacs",
    "DBA team",
    "O'Neill",
    "code generator 4.2",
];
const REMARKS: &[&str] = &[
    "-- Fetch only what the client asked for.",
    "-- TODO: index on the foreign key, see ticket 4711",
    "/* The old system kept deleted rows here, so they are filtered again. */",
    "-- the scheduler executes this every night; keep it short",
    "-- don't touch: reporting relies on the order of these columns",
];

struct Writer {
    random: Random,
    text: String,
}

/// What a parameter is compared with and set from.
impl Writer {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push_str("\r\n");
    }

    fn table(&mut self) -> String {
        let schema = self.random.pick(SCHEMAS);
        let noun = self.random.pick(NOUNS);
        let tail = self.random.pick(TAILS);
        if self.random.one_in(3) {
            format!("{schema}.[{noun}{tail}]")
        } else {
            format!("{schema}.{noun}{tail}")
        }
    }

    fn column(&mut self) -> &'static str {
        self.random.pick(COLUMNS)
    }

    fn literal(&mut self) -> String {
        match self.random.below(4) {
            0 => format!("{}", self.random.below(100_000)),
            1 => format!("'{}'", self.random.pick(NOUNS)),
            2 => format!("N'it''s {}'", self.random.pick(COLUMNS)),
            _ => "NULL".to_owned(),
        }
    }

    fn columns(&mut self, prefix: &str, number: usize, separator: &str) -> String {
        let columns: Vec<String> = (0..number)
            .map(|_| format!("{prefix}{}", self.column()))
            .collect();
        columns.join(separator)
    }

    /// A whole module with between half a kilobyte and forty.
    fn module(&mut self, loud: bool) {
        let size = match self.random.below(10) {
            0..=4 => 500 + self.random.below(2_500),
            5..=7 => 2_000 + self.random.below(8_000),
            _ => 8_000 + self.random.below(32_000),
        };
        if self.random.one_in(2) {
            self.header_comment();
        }
        match self.random.below(10) {
            0 if !loud => return self.view(size),
            1 if !loud => return self.function(size),
            2 => self.trigger_header(),
            _ => self.procedure_header(),
        }
        self.line("BEGIN");
        self.line("\tSET NOCOUNT ON;");
        if loud {
            self.loud_statement();
        }
        while self.text.len() < size {
            let loud_now = loud && self.random.one_in(4);
            self.statement(loud_now);
        }
        self.line("END");
    }

    fn header_comment(&mut self) {
        let author = self.random.pick(AUTHORS);
        let table = self.table();
        let noun = self.random.pick(NOUNS);
        self.line("/*==========================================================================");
        self.line(&format!("  Author:       {author}"));
        self.line(&format!(
            "  Description:  Reads and maintains {table} for the {noun} screens."
        ));
        self.line("  Change log");
        for year in 2009..2009 + self.random.below(8) {
            let what = self.random.pick(REMARKS);
            self.line(&format!(
                "    {year}-03-17  {author}  {}",
                what.trim_matches(['-', '/', '*', ' '])
            ));
        }
        self.line("==========================================================================*/");
        if self.random.one_in(3) {
            self.line(&format!("-- Usage: EXEC dbo.usp_{noun}_Get 42, 'A'"));
        }
    }

    fn procedure_header(&mut self) {
        let schema = self.random.pick(SCHEMAS);
        let noun = self.random.pick(NOUNS);
        let tail = self.random.pick(TAILS);
        self.line(&format!("CREATE PROCEDURE {schema}.usp_{noun}{tail}_Save"));
        for n in 0..=self.random.below(8) {
            let column = self.column();
            let kind = self.random.pick(TYPES);
            let comma = if n == 0 { " " } else { "," };
            self.line(&format!("\t{comma}@{column}{n} {kind} = NULL"));
        }
        if self.random.one_in(12) {
            self.line("WITH EXECUTE AS OWNER");
        }
        self.line("AS");
    }

    fn trigger_header(&mut self) {
        let table = self.table();
        let noun = self.random.pick(NOUNS);
        self.line(&format!(
            "CREATE TRIGGER trg_{noun}_audit ON {table} AFTER INSERT, UPDATE AS"
        ));
    }

    fn view(&mut self, size: usize) {
        let noun = self.random.pick(NOUNS);
        self.line(&format!("CREATE VIEW dbo.vw_{noun} WITH SCHEMABINDING AS"));
        self.query("");
        while self.text.len() < size {
            self.line("UNION ALL");
            self.query("");
        }
    }

    fn function(&mut self, size: usize) {
        let noun = self.random.pick(NOUNS);
        self.line(&format!(
            "CREATE FUNCTION dbo.fn_{noun}Total (@Id int, @On datetime)"
        ));
        self.line("RETURNS decimal(18, 2)\r\nAS\r\nBEGIN");
        self.line("\tDECLARE @Total decimal(18, 2), @Rate float;");
        while self.text.len() < size {
            let (a, b, table) = (self.column(), self.column(), self.table());
            self.line(&format!(
                "\tSELECT @Total = ISNULL(@Total, 0) + SUM(t.{a} * COALESCE(t.{b}, 1)) FROM {table} AS t WHERE t.Id = @Id AND t.CreatedOn <= @On;"
            ));
            self.line(
                "\tIF @Total IS NULL SET @Total = 0.0 ELSE SET @Total = ROUND(@Total * 1.19, 2);",
            );
        }
        self.line("\tRETURN @Total;\r\nEND");
    }

    /// A query over a few joined tables.
    fn query(&mut self, indent: &str) {
        let number = 4 + self.random.below(14);
        let separator = format!(",\r\n{indent}       ");
        let columns = self.columns("t0.", number, &separator);
        let first = self.table();
        self.line(&format!("{indent}SELECT {columns},"));
        let (when, then) = (self.literal(), self.literal());
        self.line(&format!(
            "{indent}       CASE WHEN t0.StatusCode = {when} THEN {then} ELSE CONVERT(varchar(10), t0.CreatedOn, 120) END AS [State Text]"
        ));
        self.line(&format!("{indent}  FROM {first} AS t0 WITH (NOLOCK)"));
        for n in 1..=self.random.below(5) {
            let (table, key) = (self.table(), self.column());
            let kind = self.random.pick(&["INNER", "LEFT OUTER", "LEFT"]);
            self.line(&format!("{indent}  {kind} JOIN {table} AS t{n} ON t{n}.{key} = t0.{key} AND t{n}.IsActive = 1"));
        }
        let (a, b, value) = (self.column(), self.column(), self.literal());
        self.line(&format!(
            "{indent} WHERE t0.{a} = {value} AND (t0.{b} IN (1, 2, 3) OR t0.Name LIKE N'%' + 'abc' + '%')"
        ));
        if self.random.one_in(2) {
            self.line(&format!("{indent} ORDER BY t0.{a} DESC, t0.{b}"));
        }
    }

    fn statement(&mut self, loud: bool) {
        if loud {
            return self.loud_statement();
        }
        if self.random.one_in(3) {
            let remark = self.random.pick(REMARKS);
            self.line(&format!("\t{remark}"));
        }
        match self.random.below(16) {
            0..=3 => {
                self.query("\t");
                self.line("\t;");
            }
            4 | 5 => self.insert(),
            6 | 7 => self.update(),
            8 => self.handled(),
            9 => self.cursor(),
            10 => self.assignments(),
            11 => self.validation(),
            12 => self.merge(),
            13 => self.temporary(),
            14 if self.random.one_in(2) => self.call(),
            _ => self.branch(),
        }
    }

    fn insert(&mut self) {
        let (table, source) = (self.table(), self.table());
        let number = 3 + self.random.below(8);
        let columns = self.columns("", number, ", ");
        self.line(&format!("\tINSERT INTO {table} ({columns})"));
        if self.random.one_in(2) {
            let values: Vec<String> = (0..number).map(|_| self.literal()).collect();
            self.line(&format!("\tVALUES ({});", values.join(", ")));
        } else {
            let columns = self.columns("s.", number, ", ");
            self.line(&format!("\tSELECT {columns}\r\n\t  FROM {source} AS s\r\n\t WHERE NOT EXISTS (SELECT 1 FROM {table} AS d WHERE d.Id = s.Id);"));
        }
    }

    fn update(&mut self) {
        let table = self.table();
        self.line("\tUPDATE t");
        let mut word = "SET";
        for _ in 0..2 + self.random.below(6) {
            let (column, value) = (self.column(), self.literal());
            self.line(&format!(
                "\t   {word} t.{column} = ISNULL({value}, t.{column})"
            ));
            word = "  ,";
        }
        self.line(&format!(
            "\t  FROM {table} AS t\r\n\t WHERE t.Id = 17 AND t.ModifiedOn < GETDATE();"
        ));
        self.line("\tIF @@ROWCOUNT = 0\r\n\t\tRAISERROR('Nothing was changed, please execute the search again.', 16, 1);");
    }

    fn handled(&mut self) {
        self.line("\tBEGIN TRY\r\n\t\tBEGIN TRANSACTION;");
        self.insert();
        self.update();
        self.line("\t\tCOMMIT TRANSACTION;\r\n\tEND TRY\r\n\tBEGIN CATCH");
        self.line("\t\tIF XACT_STATE() <> 0 ROLLBACK TRANSACTION;");
        self.line("\t\tDECLARE @Message nvarchar(2048) = ERROR_MESSAGE(), @Severity int = ERROR_SEVERITY();");
        self.line("\t\tINSERT INTO dbo.ErrorLog (LoggedOn, Procedure_Name, Message) VALUES (SYSDATETIME(), OBJECT_NAME(@@PROCID), @Message);");
        self.line("\t\tTHROW;\r\n\tEND CATCH;");
    }

    fn cursor(&mut self) {
        let (table, a, b) = (self.table(), self.column(), self.column());
        self.line("\tDECLARE @RowId int, @RowName nvarchar(200);");
        self.line(&format!("\tDECLARE cur CURSOR LOCAL FAST_FORWARD FOR\r\n\t\tSELECT {a}, {b} FROM {table} WHERE IsActive = 1 ORDER BY {a};"));
        self.line("\tOPEN cur;\r\n\tFETCH NEXT FROM cur INTO @RowId, @RowName;\r\n\tWHILE @@FETCH_STATUS = 0\r\n\tBEGIN");
        self.update();
        self.line("\t\tFETCH NEXT FROM cur INTO @RowId, @RowName;\r\n\tEND;\r\n\tCLOSE cur;\r\n\tDEALLOCATE cur;");
    }

    fn assignments(&mut self) {
        let (noun, column) = (self.random.pick(NOUNS), self.column());
        self.line(&format!(
            "\tDECLARE @{noun}Count int, @From datetime, @To datetime, @Label nvarchar(400);"
        ));
        self.line("\tSET @From = DATEADD(month, DATEDIFF(month, 0, GETDATE()), 0);");
        self.line("\tSET @To = DATEADD(day, -1, DATEADD(month, 1, @From));");
        self.line(&format!("\tSET @Label = N'{noun} from ' + CONVERT(nvarchar(10), @From, 120) + N' to ' + CONVERT(nvarchar(10), @To, 120);"));
        let table = self.table();
        self.line(&format!("\tSELECT @{noun}Count = COUNT(*), @Label = @Label + N': ' + MAX({column}) FROM {table} WHERE CreatedOn BETWEEN @From AND @To;"));
        self.line("\tPRINT @Label;");
    }

    fn validation(&mut self) {
        let (table, column) = (self.table(), self.column());
        self.line(&format!(
            "\tIF NOT EXISTS (SELECT * FROM {table} WHERE {column} IS NOT NULL)\r\n\tBEGIN"
        ));
        self.line("\t\tRAISERROR(N'The row does not exist or was deleted by another user.', 16, 1);\r\n\t\tRETURN -1;\r\n\tEND");
    }

    fn merge(&mut self) {
        let (table, source, column) = (self.table(), self.table(), self.column());
        self.line(&format!(
            "\tMERGE {table} AS d USING {source} AS s ON d.Id = s.Id"
        ));
        self.line(&format!("\tWHEN MATCHED AND d.{column} <> s.{column} THEN UPDATE SET d.{column} = s.{column}, d.ModifiedOn = SYSUTCDATETIME()"));
        self.line("\tWHEN NOT MATCHED BY TARGET THEN INSERT (Id, Name) VALUES (s.Id, s.Name)");
        self.line("\tWHEN NOT MATCHED BY SOURCE THEN DELETE;");
    }

    fn temporary(&mut self) {
        let (table, column) = (self.table(), self.column());
        self.line("\tIF OBJECT_ID('tempdb..#work') IS NOT NULL DROP TABLE #work;");
        self.line("\tCREATE TABLE #work (Id int NOT NULL PRIMARY KEY, Name nvarchar(100) NULL, Amount money DEFAULT (0));");
        self.line(&format!("\tINSERT INTO #work SELECT Id, {column}, SUM(Amount) FROM {table} GROUP BY Id, {column} HAVING SUM(Amount) > 0;"));
        self.line("\tCREATE NONCLUSTERED INDEX ix_work ON #work (Name) INCLUDE (Amount);");
    }

    fn branch(&mut self) {
        let (a, b) = (self.literal(), self.literal());
        self.line(&format!("\tIF {a} = {b} OR @@TRANCOUNT > 0\r\n\tBEGIN"));
        self.update();
        self.line("\tEND\r\n\tELSE\r\n\tBEGIN");
        self.insert();
        self.line("\tEND");
    }

    fn call(&mut self) {
        let (noun, value) = (self.random.pick(NOUNS), self.literal());
        self.line(&format!(
            "\tEXEC dbo.usp_{noun}_Touch @Id = 42, @Why = {value};"
        ));
    }

    fn loud_statement(&mut self) {
        match self.random.below(9) {
            0..=2 => self.search(),
            3 => self.maintenance(),
            4 => self.for_each_database(),
            5 => self.file_work(),
            6 => self.ole(),
            7 => self.remote(),
            _ => self.job(),
        }
    }

    /// The search form's query that is put together from what the user filled in.
    fn search(&mut self) {
        let table = self.table();
        let number = 5 + self.random.below(10);
        let columns = self.columns("t.", number, ", ");
        self.line("\tDECLARE @sql nvarchar(max), @params nvarchar(500), @debug bit = 0;");
        self.line(&format!(
            "\tSET @sql = N'SELECT {columns} FROM {table} AS t WHERE 1 = 1';"
        ));
        for _ in 0..2 + self.random.below(5) {
            let column = self.column();
            self.line(&format!("\tIF @{column}0 IS NOT NULL\r\n\t\tSET @sql = @sql + N' AND t.{column} = @p{column}';"));
        }
        self.line("\tSET @sql += N' ORDER BY ' + QUOTENAME(@SortColumn) + CASE WHEN @Descending = 1 THEN N' DESC' ELSE N'' END;");
        self.line("\tSET @params = N'@pId int, @pName nvarchar(100)';");
        self.line("\tIF @debug = 1 PRINT @sql;\r\n\tEXEC sp_executesql @sql, @params, @pId = 1, @pName = N'x';");
    }

    fn maintenance(&mut self) {
        let file = self.random.pick(NOUNS);
        self.line("\tDECLARE @cmd nvarchar(4000), @db sysname, @schema sysname, @index sysname, @frag float;");
        self.line("\tDECLARE todo CURSOR FOR SELECT DB_NAME(s.database_id), OBJECT_SCHEMA_NAME(s.object_id), i.name, s.avg_fragmentation_in_percent");
        self.line("\t\tFROM sys.dm_db_index_physical_stats(DB_ID(), NULL, NULL, NULL, 'LIMITED') AS s JOIN sys.indexes AS i ON i.object_id = s.object_id AND i.index_id = s.index_id WHERE s.page_count > 1000;");
        self.line("\tOPEN todo;\r\n\tFETCH NEXT FROM todo INTO @db, @schema, @index, @frag;\r\n\tWHILE @@FETCH_STATUS = 0\r\n\tBEGIN");
        self.line("\t\tSET @cmd = 'ALTER INDEX [' + @index + '] ON [' + @db + '].[' + @schema + '].[x] ' + CASE WHEN @frag > 30 THEN 'REBUILD WITH (ONLINE = OFF)' ELSE 'REORGANIZE' END;");
        self.line("\t\tPRINT @cmd;\r\n\t\tEXEC (@cmd);");
        self.line(&format!("\t\tINSERT INTO dba.CommandLog (Started, Command, Area) VALUES (GETDATE(), @cmd, '{file}');"));
        self.line("\t\tFETCH NEXT FROM todo INTO @db, @schema, @index, @frag;\r\n\tEND\r\n\tCLOSE todo;\r\n\tDEALLOCATE todo;");
    }

    fn for_each_database(&mut self) {
        let table = self.table();
        self.line(&format!("\tEXEC sp_MSforeachdb N'USE [?]; IF DB_ID(''?'') > 4 INSERT INTO dba.Sizes SELECT ''?'', SUM(size) / 128, GETDATE() FROM sys.database_files; -- {table}';"));
    }

    fn file_work(&mut self) {
        let noun = self.random.pick(NOUNS);
        self.line("\tDECLARE @bcp varchar(8000), @path varchar(260), @rc int;");
        self.line(&format!(
            "\tSET @path = 'D:\\Export\\{noun}_' + CONVERT(varchar(8), GETDATE(), 112) + '.csv';"
        ));
        self.line(&format!("\tSET @bcp = 'bcp \"SELECT * FROM reporting.dbo.{noun}\" queryout \"' + @path + '\" -c -t; -T -S ' + @@SERVERNAME;"));
        self.line("\tEXEC @rc = master..xp_cmdshell @bcp, no_output;");
        self.line("\tIF @rc <> 0 RAISERROR('Export failed with code %d', 16, 1, @rc);");
        if self.random.one_in(2) {
            self.line("\tCREATE TABLE #dir (line nvarchar(500) NULL);\r\n\tINSERT INTO #dir EXEC xp_cmdshell 'dir /b D:\\Export\\*.csv';");
        }
    }

    fn ole(&mut self) {
        let noun = self.random.pick(NOUNS);
        self.line("\tDECLARE @fso int, @file int, @hr int;");
        self.line("\tEXEC @hr = sp_OACreate 'Scripting.FileSystemObject', @fso OUT;");
        self.line(&format!("\tEXEC @hr = sp_OAMethod @fso, 'CreateTextFile', @file OUT, 'C:\\temp\\{noun}.txt', 2, True;"));
        self.line("\tEXEC @hr = sp_OAMethod @file, 'WriteLine', NULL, @Line;\r\n\tEXEC sp_OADestroy @file;\r\n\tEXEC sp_OADestroy @fso;");
    }

    fn remote(&mut self) {
        let table = self.table();
        let columns = self.columns("q.", 6, ", ");
        self.line(&format!("\tINSERT INTO stage.Remote SELECT {columns} FROM OPENQUERY(ERP_LINK, 'SELECT * FROM {table} WHERE Quantity > 0') AS q;"));
        self.line("\tSELECT r.* FROM OPENROWSET('SQLNCLI', 'Server=reports;Trusted_Connection=yes;', 'SELECT name FROM sys.databases') AS r;");
    }

    fn job(&mut self) {
        let noun = self.random.pick(NOUNS);
        self.line(&format!("\tEXEC msdb.dbo.sp_add_jobstep @job_name = N'Nightly {noun}', @step_name = N'Clean up', @subsystem = N'CmdExec', @command = N'cmd /c del /q D:\\Temp\\{noun}\\*.*', @on_success_action = 3, @retry_attempts = 2;"));
        self.line("\tEXEC sp_configure 'show advanced options', 1;\r\n\tRECONFIGURE;\r\n\tEXEC sp_configure 'xp_cmdshell', 1;\r\n\tRECONFIGURE WITH OVERRIDE;");
    }
}
