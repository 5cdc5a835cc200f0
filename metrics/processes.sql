-- name: kiter_processes
-- type: gauge
-- help: Processes by the state of their first thread and by container.
SELECT state, container_id AS container, count(*) AS value FROM tasks GROUP BY 1, 2
