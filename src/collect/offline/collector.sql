DECLARE @script varchar(64) = '{hash}'; -- SHA-256 of every line below this one (UTF-8, lines ending with LF)
/*
    mssql-posture {version}: offline collection from one SQL Server instance, 2012 to 2025

    WHAT IT DOES      It asks the queries that stand further down, each as readable text, once per instance or once in
                      each online database, and PRINTs the answers. `mssql-posture import` makes a snapshot of them.
    WHAT IT DOES NOT  It changes nothing. It holds SELECT, SET, local variables, one local cursor over sys.databases,
                      PRINT, and sys.sp_executesql, by which the queries below are run in one database after the
                      other. It creates no object, not even a temporary table, writes no row, reads no row of a user
                      table, switches no option of the server, and calls no other procedure. Databases that are not
                      online or are SINGLE_USER are not entered. A database with AUTO_CLOSE is opened by being read.
    HOW TO RUN IT     sqlcmd -S HOST\INSTANCE -E -i collector.sql -o out.txt
                      (no -r, no -m: the answers are messages; the width, -w, does not matter), or in SQL Server
                      Management Studio with Results to Text or Results to File; then save all of the messages.
                      Then, where mssql-posture is: mssql-posture import out.txt -o DIR
    AS WHOM           Any login. These rights show everything:
                          2014 and later: CONNECT ANY DATABASE, VIEW ANY DEFINITION, VIEW SERVER STATE
                          2012: VIEW ANY DEFINITION, VIEW SERVER STATE, and a user in each database
                      What the login may not see is written down as not seen. Rather a login that
                      `mssql-posture script login` makes than a sysadmin: the owner of msdb could have put views in the
                      place of its tables, and code in them would run with the rights of whoever reads them.
    WHAT IT COSTS     The text of large modules passes through variables, which may need several times its size in
                      tempdb while they are built.
    WHAT STAYS        LOCK_TIMEOUT and DEADLOCK_PRIORITY of the session stay as this script sets them, as do its other
                      SET options: close the session afterwards, or set them back.
    WHAT COMES OUT    Names, permissions and settings from the catalogs, and the text of procedures, functions,
                      triggers and views, which may hold secrets: keep the file as you would keep a backup of it.
                      Values stand as hexadecimal digits of their bytes, so that neither a code page nor a line's
                      width can change them. It also holds who ran this: login, computer, program and time (UTC).
    WHAT PROTECTS IT  Each record has a number and the SHA-256 of the record before it and its own text. That finds what
                      was cut off, lost, mixed up or edited by accident or clumsily. It is no signature: whoever
                      means to deceive can compute the hashes anew. How the file travels must protect it from them.
                      `tail -n +2 collector.sql | sha256sum` prints the hash in line 1.
*/
{settings};
SET IMPLICIT_TRANSACTIONS OFF;
SET CONCAT_NULL_YIELDS_NULL ON;
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;

-- Where the script is: in no database in particular (0), or in one; and at which query.
DECLARE @id int = 0, @database nvarchar(128) = N'master', @state int, @access int, @open int = 0, @i int = 0, @pick int;
-- The query, and the statement around it that makes text of its rows.
DECLARE @name varchar(128), @scope varchar(10), @right nvarchar(60), @first int, @last int, @columns nvarchar(max), @query nvarchar(max);
DECLARE @cells nvarchar(max), @statement nvarchar(max), @call nvarchar(300), @rows varchar(max);
DECLARE @started datetime2(3), @ask varchar(300), @asked int = 0, @failed int = 0, @entered int = 0;
-- What is to be printed, and the records that it is printed in.
DECLARE @out varchar(max), @at int, @record int = 0, @body varchar(4000);
DECLARE @chain varbinary(32) = CONVERT(varbinary(32), @script, 2);

-- 11 = 2012 ... 17 = 2025. A managed instance calls itself 12 and has the catalog of a newer version.
DECLARE @version int = CONVERT(int, PARSENAME(CONVERT(nvarchar(128), SERVERPROPERTY(N'ProductVersion')), 4));
IF CONVERT(int, SERVERPROPERTY(N'EngineEdition')) = 8
    SET @version = 16;
IF @version < 11
BEGIN
    PRINT 'mssql-posture: nothing was read, this script is for SQL Server 2012 and later.';
    RETURN;
END;

SET @out = 'open,{format},{version},' + @script
    + ',' + CONVERT(varchar(10), @version)
    + ',' + CONVERT(varchar(10), @@SPID)
    + ',' + CONVERT(varchar(30), CONVERT(datetime2(3), SYSUTCDATETIME()), 126) + 'Z'
    + ',' + ISNULL(CONVERT(varchar(600), CONVERT(varbinary(300), CONVERT(nvarchar(128), @@SERVERNAME)), 2), '-')
    + ',' + ISNULL(CONVERT(varchar(600), CONVERT(varbinary(300), CONVERT(nvarchar(128), ORIGINAL_LOGIN())), 2), '-')
    + ',' + ISNULL(CONVERT(varchar(600), CONVERT(varbinary(300), CONVERT(nvarchar(128), HOST_NAME())), 2), '-')
    + ',' + ISNULL(CONVERT(varchar(600), CONVERT(varbinary(300), CONVERT(nvarchar(128), APP_NAME())), 2), '-') + ';';

DECLARE databases CURSOR LOCAL FORWARD_ONLY STATIC READ_ONLY FOR
    SELECT database_id, name, state, user_access FROM sys.databases;
BEGIN TRY
    OPEN databases;
    SET @open = 1;
END TRY
BEGIN CATCH
    SET @open = 0; -- the query `databases` below meets the same error and writes it down
END CATCH;

WHILE 1 = 1
BEGIN
    -- Print what there is, in records of at most {chunk} characters and their hash.
    SET @at = 1;
    WHILE @at <= DATALENGTH(@out)
    BEGIN
        SET @record = @record + 1;
        SET @body = CONVERT(varchar(10), @record) + ':' + SUBSTRING(@out, @at, {chunk});
        SET @chain = HASHBYTES('SHA2_256', @chain + CONVERT(varbinary(4000), @body));
        PRINT '{begin}' + @body + ':' + CONVERT(varchar(64), @chain, 2) + '{end}';
        SET @at = @at + {chunk};
    END;
    SET @out = '';
    IF @id IS NULL
        BREAK;

    -- The next query; in a database the first one once more at the end; then the next database.
    SET @i = @i + 1;
    SET @pick = @i;
    IF @i = {count} + 1
        SET @pick = {context};
    IF @i > {count} + 1
    BEGIN
        SET @i = 0;
        SET @pick = 0;
        SET @id = NULL;
        IF @open = 1
            FETCH NEXT FROM databases INTO @id, @database, @state, @access;
        IF @open = 0 OR @@FETCH_STATUS <> 0
        BEGIN
            SET @id = NULL;
            SET @out = 'close,' + CONVERT(varchar(10), @asked) + ',' + CONVERT(varchar(10), @failed)
                + ',' + CONVERT(varchar(10), @entered)
                + ',' + CONVERT(varchar(30), CONVERT(datetime2(3), SYSUTCDATETIME()), 126) + 'Z;';
        END
        ELSE IF @state = 0 AND ISNULL(@access, 0) <> 1
        BEGIN
            SET @entered = @entered + 1;
            SET @out = 'in,' + CONVERT(varchar(10), @id)
                + ',' + CONVERT(varchar(600), CONVERT(varbinary(300), @database), 2) + ';';
        END
        ELSE
        BEGIN
            SET @i = {count} + 1;
            SET @out = 'skip,' + CONVERT(varchar(10), @id) + ';';
        END;
    END;

    -- The queries: their names, where they run, in which versions, the columns they return, and their text.
    -- What takes more than an auditor should hold is asked only of a login that holds it anyway (@right).
    SET @scope = '';
    SET @right = NULL;
    SET @first = 0;
    SET @last = 0;
{queries}
    IF @version >= @first AND @version <= @last
        AND ((@scope = 'server' AND @id = 0) OR (@scope = 'master' AND @id = 1) OR (@scope = 'msdb' AND @id = 4)
            OR (@scope = 'database' AND @id > 0) OR (@scope = 'context' AND @id > 0))
        AND (@right IS NULL OR HAS_PERMS_BY_NAME(NULL, NULL, @right) = 1)
    BEGIN
        -- A row becomes `r,digits,digits;`: each column as its bytes, `-` for NULL.
        SET @cells = N'ISNULL(CONVERT(varchar(max), CONVERT(varbinary(max), q.['
            + REPLACE(@columns, N', ',
                N']), 2), ''-'') + '','' + ISNULL(CONVERT(varchar(max), CONVERT(varbinary(max), q.[')
            + N']), 2), ''-'')';
        SET @statement = N'SELECT @rows = (SELECT ''r,'' + ' + @cells + N' + '';'' FROM (' + @query
            + N') AS q FOR XML PATH(''''))';
        SET @call = QUOTENAME(@database) + N'.sys.sp_executesql';
        SET @rows = '';
        SET @asked = @asked + 1;
        SET @started = SYSUTCDATETIME();
        SET @ask = 'ask,' + CONVERT(varchar(10), @id) + ',' + @name
            + ',' + CONVERT(varchar(30), @started, 126) + 'Z;';
        BEGIN TRY
            EXEC sys.sp_executesql
                N'EXEC @call @statement, N''@rows varchar(max) OUTPUT'', @rows OUTPUT;',
                N'@call nvarchar(300), @statement nvarchar(max), @rows varchar(max) OUTPUT',
                @call, @statement, @rows OUTPUT;
            SET @out = @ask + ISNULL(@rows, '')
                + 'end,' + CONVERT(varchar(20), DATEDIFF(millisecond, @started, SYSUTCDATETIME())) + ';';
        END TRY
        BEGIN CATCH
            SET @failed = @failed + 1;
            SET @out = @ask
                + 'err,' + CONVERT(varchar(20), DATEDIFF(millisecond, @started, SYSUTCDATETIME()))
                + ',' + CONVERT(varchar(10), ERROR_NUMBER())
                + ',' + ISNULL(CONVERT(varchar(max), CONVERT(varbinary(max), ERROR_MESSAGE()), 2), '') + ';';
            IF @scope = 'context'
                SET @i = {count} + 1; -- the database cannot be entered
        END CATCH;
    END;
END;
