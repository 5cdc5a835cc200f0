-- name: kiter_threads
-- type: gauge
-- help: Threads by container.
SELECT container_id AS container, sum(threads) AS value FROM tasks GROUP BY 1
