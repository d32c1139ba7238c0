-- purpose: whether the default trace reaches back before the time asked for
-- scope: events
-- versions: 11-
-- sight: alter-trace
-- permission: ALTER TRACE, which can also start and stop traces: beyond least privilege, asked only by `changes` and where it is held
-- views: sys.fn_trace_gettable
-- columns: recorded
-- narrowing: the default trace's file by $(path) and those after it; one row from before $(since), which is the server's local time
SELECT TOP (1)
    1 AS q_default_trace_reach,
    CONVERT(nvarchar(30), StartTime, 126) AS recorded
FROM sys.fn_trace_gettable(N'$(path)', DEFAULT)
WHERE StartTime < N'$(since)'
