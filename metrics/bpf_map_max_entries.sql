-- name: kiter_bpf_map_max_entries
-- type: gauge
-- help: Elements that a BPF map has room for.
SELECT id, name, type, max_entries AS value FROM maps
