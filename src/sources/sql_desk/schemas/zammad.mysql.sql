-- Zammad on MySQL or MariaDB, which it could run on up to version 6.5: the tables of zammad.postgres.sql.
--
-- Times are `datetime(3)` in UTC and are compared as they are with bounds in UTC.
-- Left out everywhere, with their messages: tickets whose state is of the type `merged` or `removed`. State types are the code; names
-- of states can be edited. On a merge Zammad moves the articles to the ticket that stays, where they count.
-- A reply is an article that an agent sent outwards: sender `Agent`, a type with `communication`, not internal. Notes, internal
-- articles and automatic answers (sender `System`) are none. What an agent writes to open a ticket is a reply too.
-- Not here: ratings. Zammad keeps none.

-- name: created
-- Tickets created in the interval (tickets.created_at).
-- Index: tickets(created_at).
SELECT COUNT(*)
FROM tickets t
JOIN ticket_states s ON s.id = t.state_id
JOIN ticket_state_types y ON y.id = s.state_type_id
WHERE {segment} AND y.name NOT IN ('merged', 'removed')
  AND t.created_at >= :start AND t.created_at < :end

-- name: created_by_day
-- The same by days of 24 hours from :start.
-- Index: tickets(created_at).
SELECT TIMESTAMPDIFF(SECOND, :start, t.created_at) DIV 86400 AS day, COUNT(*)
FROM tickets t
JOIN ticket_states s ON s.id = t.state_id
JOIN ticket_state_types y ON y.id = s.state_type_id
WHERE {segment} AND y.name NOT IN ('merged', 'removed')
  AND t.created_at >= :start AND t.created_at < :end
GROUP BY 1 ORDER BY 1

-- name: closed
-- Tickets by their last close, reopened ones too: last_close_at stays through a reopening and moves with the next close, so past
-- windows are not frozen. close_at, the first close, stands in for tickets closed before last_close_at existed.
-- Index: none of Zammad's; the table is read. On a large desk add one on tickets (last_close_at), which the first half uses; the
-- second half has Zammad's own on close_at.
SELECT COUNT(*)
FROM tickets t
JOIN ticket_states s ON s.id = t.state_id
JOIN ticket_state_types y ON y.id = s.state_type_id
WHERE {segment} AND y.name NOT IN ('merged', 'removed')
  AND ((t.last_close_at >= :start AND t.last_close_at < :end)
    OR (t.last_close_at IS NULL AND t.close_at >= :start AND t.close_at < :end))

-- name: resolved
-- Closed in the interval, with a reply before its end.
-- Index: as `closed`; ticket_articles(ticket_id).
SELECT COUNT(*)
FROM tickets t
JOIN ticket_states s ON s.id = t.state_id
JOIN ticket_state_types y ON y.id = s.state_type_id
WHERE {segment} AND y.name NOT IN ('merged', 'removed')
  AND ((t.last_close_at >= :start AND t.last_close_at < :end)
    OR (t.last_close_at IS NULL AND t.close_at >= :start AND t.close_at < :end))
  AND EXISTS (
    SELECT 1
    FROM ticket_articles a
    JOIN ticket_article_senders se ON se.id = a.sender_id
    JOIN ticket_article_types ty ON ty.id = a.type_id
    WHERE a.ticket_id = t.id AND se.name = 'Agent' AND ty.communication AND NOT a.internal
      AND a.created_at < :end)

-- name: replies
-- Replies sent in the interval.
-- Index: ticket_articles(created_at).
SELECT COUNT(*)
FROM ticket_articles a
JOIN ticket_article_senders se ON se.id = a.sender_id
JOIN ticket_article_types ty ON ty.id = a.type_id
JOIN tickets t ON t.id = a.ticket_id
JOIN ticket_states s ON s.id = t.state_id
JOIN ticket_state_types y ON y.id = s.state_type_id
WHERE {segment} AND y.name NOT IN ('merged', 'removed')
  AND se.name = 'Agent' AND ty.communication AND NOT a.internal
  AND a.created_at >= :start AND a.created_at < :end

-- name: received_messages
-- Articles of customers in the interval, the first one of a ticket too. Of every type: what a customer writes in the portal can be of
-- type `note`.
-- Index: ticket_articles(created_at).
SELECT COUNT(*)
FROM ticket_articles a
JOIN ticket_article_senders se ON se.id = a.sender_id
JOIN tickets t ON t.id = a.ticket_id
JOIN ticket_states s ON s.id = t.state_id
JOIN ticket_state_types y ON y.id = s.state_type_id
WHERE {segment} AND y.name NOT IN ('merged', 'removed')
  AND se.name = 'Customer' AND NOT a.internal
  AND a.created_at >= :start AND a.created_at < :end

-- name: open
-- Tickets that are not closed now, by state type: new, open, pending reminder, pending action.
-- Index: tickets(state_id).
SELECT y.name AS status, COUNT(*)
FROM tickets t
JOIN ticket_states s ON s.id = t.state_id
JOIN ticket_state_types y ON y.id = s.state_type_id
WHERE {segment} AND y.name NOT IN ('closed', 'merged', 'removed')
GROUP BY y.name ORDER BY y.name

-- name: oldest_open
-- When the oldest of them was created.
-- Index: tickets(state_id).
SELECT y.name AS status, MIN(t.created_at)
FROM tickets t
JOIN ticket_states s ON s.id = t.state_id
JOIN ticket_state_types y ON y.id = s.state_type_id
WHERE {segment} AND y.name NOT IN ('closed', 'merged', 'removed')
GROUP BY y.name ORDER BY y.name

-- name: first_response_mean_seconds
-- From creation to the first answer, on the clock, of tickets first answered in the interval (tickets.first_response_at). Only tickets
-- that a customer opened (create_article_sender_id): for the others Zammad takes the agent's own first message.
-- Index: tickets(first_response_at).
SELECT AVG(TIMESTAMPDIFF(MICROSECOND, t.created_at, t.first_response_at)) / 1000000
FROM tickets t
JOIN ticket_states s ON s.id = t.state_id
JOIN ticket_state_types y ON y.id = s.state_type_id
JOIN ticket_article_senders se ON se.id = t.create_article_sender_id
WHERE {segment} AND y.name NOT IN ('merged', 'removed') AND se.name = 'Customer'
  AND t.first_response_at >= :start AND t.first_response_at < :end

-- name: reasons
-- Tickets created in the interval, by tag. A ticket with several tags counts under each.
-- Index: tickets(created_at); tags(o_id).
SELECT i.name AS reason, COUNT(DISTINCT t.id)
FROM tickets t
JOIN ticket_states s ON s.id = t.state_id
JOIN ticket_state_types y ON y.id = s.state_type_id
JOIN tags g ON g.o_id = t.id
JOIN tag_objects o ON o.id = g.tag_object_id
JOIN tag_items i ON i.id = g.tag_item_id
WHERE {segment} AND y.name NOT IN ('merged', 'removed') AND o.name = 'Ticket'
  AND t.created_at >= :start AND t.created_at < :end
GROUP BY i.name ORDER BY i.name

-- name: customers
-- Different customers (tickets.customer_id) whose tickets got a reply in the interval.
-- Index: ticket_articles(created_at).
SELECT COUNT(DISTINCT t.customer_id)
FROM ticket_articles a
JOIN ticket_article_senders se ON se.id = a.sender_id
JOIN ticket_article_types ty ON ty.id = a.type_id
JOIN tickets t ON t.id = a.ticket_id
JOIN ticket_states s ON s.id = t.state_id
JOIN ticket_state_types y ON y.id = s.state_type_id
WHERE {segment} AND y.name NOT IN ('merged', 'removed')
  AND se.name = 'Agent' AND ty.communication AND NOT a.internal
  AND a.created_at >= :start AND a.created_at < :end
