-- purpose: broker queues and the procedure that each starts
-- scope: database
-- versions: 11-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.service_queues
-- columns: object_id, activation_procedure, execute_as_principal_id, is_activation_enabled, is_receive_enabled, is_enqueue_enabled
-- narrowing: none
SELECT
    1 AS q_service_queues,
    object_id,
    CAST(activation_procedure AS nvarchar(776)) AS activation_procedure,
    execute_as_principal_id,
    CAST(is_activation_enabled AS int) AS is_activation_enabled,
    CAST(is_receive_enabled AS int) AS is_receive_enabled,
    CAST(is_enqueue_enabled AS int) AS is_enqueue_enabled
FROM sys.service_queues
