-- name: kiter_bpf_program_runs_total
-- type: counter
-- help: How often a BPF program ran; only while the kernel counts (sysctl kernel.bpf_stats_enabled).
SELECT id, name, type, run_count AS value FROM progs WHERE run_count IS NOT NULL
