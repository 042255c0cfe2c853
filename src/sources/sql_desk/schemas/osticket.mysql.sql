-- osTicket on MySQL or MariaDB: tables of osTicket 1.18 (setup/inc/streams/core/install-mysql.sql), all with {table_prefix}.
--
-- Times are `datetime` columns with wall clock time of the database server's own zone (@@global.time_zone: osTicket writes NOW() and sets
-- no zone). So each bound is turned into that zone, and days and durations are counted in UTC. In a zone with summer time the hour that
-- comes twice cannot be told apart: a ticket of that hour can fall an hour off, once a year.
-- Codes: ticket_status.state open, closed, archived, deleted; thread.object_type T ticket; thread_entry.type M message, R response, N note;
-- thread_entry.flags 4 hidden; ticket.flags 1 and 2 merged child (combined, separate), 8 linked only.
-- Left out everywhere, with their entries: merged children (ticket_pid with flag 1 or 2). A linked ticket is a ticket of its own. Deleted
-- tickets are gone from the tables.
-- Entries that an edit has replaced stay as hidden ones and are left out, or the edited message would count twice.
-- A reply is a response of an agent (staff_id). An automatic canned reply has staff_id 0; so have the replies of an agent whose account was
-- deleted instead of deactivated.
-- Not here: ratings. osTicket keeps none.

-- name: created
-- Tickets created in the interval.
-- Index: ticket(created).
SELECT COUNT(*)
FROM {table_prefix}ticket t
WHERE {segment} AND NOT (t.ticket_pid IS NOT NULL AND (t.flags & 3) <> 0)
  AND t.created >= CONVERT_TZ(:start, '+00:00', @@global.time_zone) AND t.created < CONVERT_TZ(:end, '+00:00', @@global.time_zone)

-- name: created_by_day
-- The same by days of 24 hours from :start. LEAST keeps a ticket of the hour that comes twice in its interval.
-- Index: ticket(created).
SELECT LEAST(TIMESTAMPDIFF(SECOND, :start, CONVERT_TZ(t.created, @@global.time_zone, '+00:00')), TIMESTAMPDIFF(SECOND, :start, :end) - 1)
  DIV 86400 AS day, COUNT(*)
FROM {table_prefix}ticket t
WHERE {segment} AND NOT (t.ticket_pid IS NOT NULL AND (t.flags & 3) <> 0)
  AND t.created >= CONVERT_TZ(:start, '+00:00', @@global.time_zone) AND t.created < CONVERT_TZ(:end, '+00:00', @@global.time_zone)
GROUP BY 1 ORDER BY 1

-- name: closed
-- Tickets closed in the interval and still closed: a reopening empties ticket.closed, so past windows are not frozen.
-- Index: ticket(closed).
SELECT COUNT(*)
FROM {table_prefix}ticket t
WHERE {segment} AND NOT (t.ticket_pid IS NOT NULL AND (t.flags & 3) <> 0)
  AND t.closed >= CONVERT_TZ(:start, '+00:00', @@global.time_zone) AND t.closed < CONVERT_TZ(:end, '+00:00', @@global.time_zone)

-- name: resolved
-- Closed in the interval, with a reply before its end.
-- Index: ticket(closed); thread(object_id); thread_entry(thread_id).
SELECT COUNT(*)
FROM {table_prefix}ticket t
WHERE {segment} AND NOT (t.ticket_pid IS NOT NULL AND (t.flags & 3) <> 0)
  AND t.closed >= CONVERT_TZ(:start, '+00:00', @@global.time_zone) AND t.closed < CONVERT_TZ(:end, '+00:00', @@global.time_zone)
  AND EXISTS (
    SELECT 1
    FROM {table_prefix}thread h
    JOIN {table_prefix}thread_entry e ON e.thread_id = h.id
    WHERE h.object_type = 'T' AND h.object_id = t.ticket_id AND e.type = 'R' AND e.staff_id <> 0 AND (e.flags & 4) = 0
      AND e.created < CONVERT_TZ(:end, '+00:00', @@global.time_zone))

-- name: replies
-- Replies sent in the interval. Responses in tasks (object_type A) are none.
-- Index: osTicket has none on thread_entry.created, so all entries are read. Add one on thread_entry (type, created). STRAIGHT_JOIN begins
-- with the entries: otherwise the server may look each thread's entries up, which takes ten times longer.
SELECT COUNT(*)
FROM {table_prefix}thread_entry e
STRAIGHT_JOIN {table_prefix}thread h ON h.id = e.thread_id
STRAIGHT_JOIN {table_prefix}ticket t ON t.ticket_id = h.object_id
WHERE {segment} AND NOT (t.ticket_pid IS NOT NULL AND (t.flags & 3) <> 0)
  AND h.object_type = 'T' AND e.type = 'R' AND e.staff_id <> 0 AND (e.flags & 4) = 0
  AND e.created >= CONVERT_TZ(:start, '+00:00', @@global.time_zone) AND e.created < CONVERT_TZ(:end, '+00:00', @@global.time_zone)

-- name: received_messages
-- Messages in the interval, the first one of a ticket too, whoever of the ticket's people wrote it.
-- Index: as `replies`.
SELECT COUNT(*)
FROM {table_prefix}thread_entry e
STRAIGHT_JOIN {table_prefix}thread h ON h.id = e.thread_id
STRAIGHT_JOIN {table_prefix}ticket t ON t.ticket_id = h.object_id
WHERE {segment} AND NOT (t.ticket_pid IS NOT NULL AND (t.flags & 3) <> 0)
  AND h.object_type = 'T' AND e.type = 'M' AND (e.flags & 4) = 0
  AND e.created >= CONVERT_TZ(:start, '+00:00', @@global.time_zone) AND e.created < CONVERT_TZ(:end, '+00:00', @@global.time_zone)

-- name: open
-- Tickets whose status is of the state `open` now, by the status' own name.
-- Index: ticket(status_id).
SELECT s.name AS status, COUNT(*)
FROM {table_prefix}ticket t
JOIN {table_prefix}ticket_status s ON s.id = t.status_id
WHERE {segment} AND NOT (t.ticket_pid IS NOT NULL AND (t.flags & 3) <> 0) AND s.state = 'open'
GROUP BY s.name ORDER BY s.name

-- name: oldest_open
-- When the oldest of them was created.
-- Index: ticket(status_id).
SELECT s.name AS status, CONVERT_TZ(MIN(t.created), @@global.time_zone, '+00:00')
FROM {table_prefix}ticket t
JOIN {table_prefix}ticket_status s ON s.id = t.status_id
WHERE {segment} AND NOT (t.ticket_pid IS NOT NULL AND (t.flags & 3) <> 0) AND s.state = 'open'
GROUP BY s.name ORDER BY s.name

-- name: first_response_mean_seconds
-- From creation to the first reply, on the clock, of tickets first replied to in the interval, those that an agent opened too: osTicket's
-- ticket does not say who opened it.
-- Index: as `replies`; thread_entry(thread_id).
SELECT AVG(TIMESTAMPDIFF(SECOND, CONVERT_TZ(t.created, @@global.time_zone, '+00:00'), CONVERT_TZ(e.created, @@global.time_zone, '+00:00')))
FROM {table_prefix}thread_entry e
STRAIGHT_JOIN {table_prefix}thread h ON h.id = e.thread_id
STRAIGHT_JOIN {table_prefix}ticket t ON t.ticket_id = h.object_id
WHERE {segment} AND NOT (t.ticket_pid IS NOT NULL AND (t.flags & 3) <> 0)
  AND h.object_type = 'T' AND e.type = 'R' AND e.staff_id <> 0 AND (e.flags & 4) = 0
  AND e.created >= CONVERT_TZ(:start, '+00:00', @@global.time_zone) AND e.created < CONVERT_TZ(:end, '+00:00', @@global.time_zone)
  AND NOT EXISTS (
    SELECT 1 FROM {table_prefix}thread_entry f
    WHERE f.thread_id = e.thread_id AND f.type = 'R' AND f.staff_id <> 0 AND (f.flags & 4) = 0
      AND (f.created < e.created OR (f.created = e.created AND f.id < e.id)))

-- name: reasons
-- Tickets created in the interval, by help topic. A ticket has one topic, or none and then counts under no reason.
-- Index: ticket(created).
SELECT p.topic AS reason, COUNT(*)
FROM {table_prefix}ticket t
JOIN {table_prefix}help_topic p ON p.topic_id = t.topic_id
WHERE {segment} AND NOT (t.ticket_pid IS NOT NULL AND (t.flags & 3) <> 0)
  AND t.created >= CONVERT_TZ(:start, '+00:00', @@global.time_zone) AND t.created < CONVERT_TZ(:end, '+00:00', @@global.time_zone)
GROUP BY p.topic ORDER BY p.topic

-- name: customers
-- Different users (ticket.user_id) whose tickets got a reply in the interval.
-- Index: as `replies`.
SELECT COUNT(DISTINCT t.user_id)
FROM {table_prefix}thread_entry e
STRAIGHT_JOIN {table_prefix}thread h ON h.id = e.thread_id
STRAIGHT_JOIN {table_prefix}ticket t ON t.ticket_id = h.object_id
WHERE {segment} AND NOT (t.ticket_pid IS NOT NULL AND (t.flags & 3) <> 0) AND t.user_id <> 0
  AND h.object_type = 'T' AND e.type = 'R' AND e.staff_id <> 0 AND (e.flags & 4) = 0
  AND e.created >= CONVERT_TZ(:start, '+00:00', @@global.time_zone) AND e.created < CONVERT_TZ(:end, '+00:00', @@global.time_zone)
