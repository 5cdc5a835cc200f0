-- name: kiter_sockets
-- type: gauge
-- help: Sockets of this network namespace by protocol and state.
SELECT protocol, state, count(*) AS value FROM sockets GROUP BY 1, 2
