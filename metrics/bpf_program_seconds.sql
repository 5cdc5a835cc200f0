-- name: kiter_bpf_program_run_seconds_total
-- type: counter
-- unit: seconds
-- help: Time that a BPF program ran; only while the kernel counts (sysctl kernel.bpf_stats_enabled).
SELECT id, name, type, run_time_ns / 1e9 AS value FROM progs WHERE run_time_ns IS NOT NULL
