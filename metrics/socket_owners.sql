-- name: kiter_sockets_owned
-- type: gauge
-- help: Sockets of this network namespace by protocol, and by name and container of who has them open.
SELECT protocol, files.comm AS comm, files.container_id AS container,
  count(DISTINCT sockets.inode) AS value
FROM sockets JOIN files ON files.inode = sockets.inode AND files.type = 'socket'
GROUP BY 1, 2, 3
