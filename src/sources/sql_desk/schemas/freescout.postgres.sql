-- FreeScout on PostgreSQL: tables of FreeScout 1.8 (database/migrations).
--
-- Times are `timestamp(0) without time zone` that hold wall clock time of FreeScout's APP_TIMEZONE, and are read as UTC: they are right
-- instants only where APP_TIMEZONE is UTC. Else every time is off by the difference, and so is each bound.
-- Codes: conversations.status 1 active, 2 pending, 3 closed, 4 spam; conversations.state 1 draft, 2 published, 3 deleted;
-- conversations.source_via 1 customer, 2 user; threads.type 1 customer, 2 message to the customer, 3 note, 4 line item;
-- threads.state 1 draft, 2 published, 3 hidden, 4 review.
-- Left out everywhere, with their messages: conversations that are no tickets (state is not 2: drafts, deleted ones) and spam
-- (status 4). On a merge FreeScout moves the threads to the conversation that stays and deletes the other.
-- A reply is a published message to the customer (type 2, state 2). Automatic replies are sent without becoming a thread.
-- Not here: ratings and reasons. Both belong to paid modules whose tables are not public.

-- name: created
-- Conversations created in the interval, by customers or users.
-- Index: none of FreeScout's without a mailbox; with one (mailbox_id, created_at, closed_at). Add one on conversations (created_at).
SELECT count(*)
FROM conversations t
WHERE {segment} AND t.state = 2 AND t.status <> 4
  AND t.created_at >= :start AT TIME ZONE 'UTC' AND t.created_at < :end AT TIME ZONE 'UTC'

-- name: created_by_day
-- The same by days of 24 hours from :start.
-- Index: as `created`.
SELECT floor(extract(epoch FROM t.created_at - :start AT TIME ZONE 'UTC') / 86400)::bigint AS day, count(*)
FROM conversations t
WHERE {segment} AND t.state = 2 AND t.status <> 4
  AND t.created_at >= :start AT TIME ZONE 'UTC' AND t.created_at < :end AT TIME ZONE 'UTC'
GROUP BY 1 ORDER BY 1

-- name: closed
-- Conversations by their last close, reopened ones too: closed_at stays through a reopening and moves with the next close, so past
-- windows are not frozen.
-- Index: none of FreeScout's without a folder. Add one on conversations (closed_at).
SELECT count(*)
FROM conversations t
WHERE {segment} AND t.state = 2 AND t.status <> 4
  AND t.closed_at >= :start AT TIME ZONE 'UTC' AND t.closed_at < :end AT TIME ZONE 'UTC'

-- name: resolved
-- Closed in the interval, with a reply before its end.
-- Index: as `closed`; threads(conversation_id, …).
SELECT count(*)
FROM conversations t
WHERE {segment} AND t.state = 2 AND t.status <> 4
  AND t.closed_at >= :start AT TIME ZONE 'UTC' AND t.closed_at < :end AT TIME ZONE 'UTC'
  AND EXISTS (
    SELECT 1 FROM threads h
    WHERE h.conversation_id = t.id AND h.type = 2 AND h.state = 2 AND h.created_at < :end AT TIME ZONE 'UTC')

-- name: replies
-- Replies sent in the interval.
-- Index: threads(type, state, created_at), there since April 2026; before, threads(created_at).
SELECT count(*)
FROM threads h
JOIN conversations t ON t.id = h.conversation_id
WHERE {segment} AND t.state = 2 AND t.status <> 4
  AND h.type = 2 AND h.state = 2
  AND h.created_at >= :start AT TIME ZONE 'UTC' AND h.created_at < :end AT TIME ZONE 'UTC'

-- name: received_messages
-- Published messages of customers in the interval (type 1, state 2), the first one of a conversation too.
-- Index: as `replies`.
SELECT count(*)
FROM threads h
JOIN conversations t ON t.id = h.conversation_id
WHERE {segment} AND t.state = 2 AND t.status <> 4
  AND h.type = 1 AND h.state = 2
  AND h.created_at >= :start AT TIME ZONE 'UTC' AND h.created_at < :end AT TIME ZONE 'UTC'

-- name: open
-- Conversations that are active or pending now.
-- Index: conversations(state, mailbox_id, status).
SELECT CASE t.status WHEN 1 THEN 'active' WHEN 2 THEN 'pending' END AS status, count(*)
FROM conversations t
WHERE {segment} AND t.state = 2 AND t.status IN (1, 2)
GROUP BY t.status ORDER BY t.status

-- name: oldest_open
-- When the oldest of them was created.
-- Index: as `open`.
SELECT CASE t.status WHEN 1 THEN 'active' WHEN 2 THEN 'pending' END AS status, min(t.created_at) AT TIME ZONE 'UTC'
FROM conversations t
WHERE {segment} AND t.state = 2 AND t.status IN (1, 2)
GROUP BY t.status ORDER BY t.status

-- name: first_response_mean_seconds
-- From creation to the first reply, on the clock, of conversations that a customer opened (source_via 1) and that got their first
-- reply in the interval.
-- Index: as `replies`; threads(conversation_id, …).
SELECT avg(extract(epoch FROM h.created_at - t.created_at))::float8
FROM threads h
JOIN conversations t ON t.id = h.conversation_id
WHERE {segment} AND t.state = 2 AND t.status <> 4 AND t.source_via = 1
  AND h.type = 2 AND h.state = 2
  AND h.created_at >= :start AT TIME ZONE 'UTC' AND h.created_at < :end AT TIME ZONE 'UTC'
  AND NOT EXISTS (
    SELECT 1 FROM threads e
    WHERE e.conversation_id = h.conversation_id AND e.type = 2 AND e.state = 2
      AND (e.created_at < h.created_at OR (e.created_at = h.created_at AND e.id < h.id)))

-- name: customers
-- Different customers (conversations.customer_id) whose conversations got a reply in the interval.
-- Index: as `replies`.
SELECT count(DISTINCT t.customer_id)
FROM threads h
JOIN conversations t ON t.id = h.conversation_id
WHERE {segment} AND t.state = 2 AND t.status <> 4
  AND h.type = 2 AND h.state = 2
  AND h.created_at >= :start AT TIME ZONE 'UTC' AND h.created_at < :end AT TIME ZONE 'UTC'
