-- name: kiter_open_files
-- type: gauge
-- help: Descriptors of open files by type and container.
SELECT type, container_id AS container, count(*) AS value FROM files GROUP BY 1, 2
