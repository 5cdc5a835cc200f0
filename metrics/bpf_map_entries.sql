-- name: kiter_bpf_map_entries
-- type: gauge
-- help: Elements of a BPF map, where the kernel counts them (Linux 6.6, hash maps).
SELECT id, name, type, entries AS value FROM maps WHERE entries IS NOT NULL
