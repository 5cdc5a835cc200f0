-- name: kiter_cgroup_cpu_seconds_total
-- type: counter
-- unit: seconds
-- help: Processor time of a control group and those below it.
SELECT path, hierarchy, usage_ns / 1e9 AS value FROM cgroups WHERE usage_ns IS NOT NULL
