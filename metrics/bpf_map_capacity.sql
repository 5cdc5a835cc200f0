-- name: kiter_bpf_map_capacity_bytes
-- type: gauge
-- unit: bytes
-- help: Keys and values that a BPF map has room for, without what the kernel needs beside them.
SELECT id, name, type, (key_size + value_size) * max_entries AS value FROM maps
