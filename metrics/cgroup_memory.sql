-- name: kiter_cgroup_memory_bytes
-- type: gauge
-- unit: bytes
-- help: Memory charged to a control group and those below it.
SELECT path, hierarchy, memory_bytes AS value FROM cgroups WHERE memory_bytes IS NOT NULL
