-- Triggers, routines and events of the current database that the role may see.
-- kind         TRIGGER, PROCEDURE, FUNCTION, EVENT
-- object_name
-- table_name   the trigger's table
-- place        the order of a trigger among those of its table, time and event
SELECT 'TRIGGER' AS kind, trigger_name AS object_name, event_object_table AS table_name, action_order AS place
FROM information_schema.triggers
WHERE trigger_schema = DATABASE()
  AND (@@lower_case_table_names <> 0 OR CAST(trigger_schema AS BINARY) = CAST(DATABASE() AS BINARY))
UNION ALL
SELECT routine_type, routine_name, NULL, 0
FROM information_schema.routines
WHERE routine_schema = DATABASE()
  AND (@@lower_case_table_names <> 0 OR CAST(routine_schema AS BINARY) = CAST(DATABASE() AS BINARY))
UNION ALL
SELECT 'EVENT', event_name, NULL, 0
FROM information_schema.events
WHERE event_schema = DATABASE()
  AND (@@lower_case_table_names <> 0 OR CAST(event_schema AS BINARY) = CAST(DATABASE() AS BINARY))
