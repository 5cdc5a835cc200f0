-- name: kiter_slab_memory_bytes
-- type: gauge
-- unit: bytes
-- help: Memory of a cache of the kernel's objects (Linux 6.13).
SELECT name, memory_bytes AS value FROM slabs WHERE memory_bytes > 0
