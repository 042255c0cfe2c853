-- GLPI on MySQL or MariaDB: tables of GLPI 11 (install/mysql/glpi-11.0.7-empty.sql).
--
-- Times are `timestamp` columns, compared in UTC: right whatever zone the server has. An installation that began before 9.5 and was never
-- migrated (`php bin/console migration:timestamps`) still has `datetime` columns with wall clock time of the server's zone; there these
-- queries are right only where that zone is UTC.
-- Codes: glpi_tickets.status 1 new, 2 processing (assigned), 3 processing (planned), 4 pending, 5 solved, 6 closed, 10 approval;
-- glpi_tickets_users.type 1 requester, 2 assigned, 3 observer.
-- Left out everywhere, with their follow-ups, solutions and ratings: tickets in the bin (is_deleted). A ticket that is merged into another
-- goes there. Private follow-ups are notes.
-- A reply is a solution or a public follow-up by a known user who is no requester of the ticket; an observer's follow-up is one too. What
-- GLPI's own system user writes (automatic follow-ups and solutions of pending reasons) cannot be told apart without reading GLPI's
-- settings and counts as a reply.

-- name: created
-- Tickets opened in the interval (glpi_tickets.date, which an agent can set back).
-- Index: glpi_tickets(date).
SELECT COUNT(*)
FROM glpi_tickets t
WHERE {segment} AND t.is_deleted = 0
  AND t.date >= :start AND t.date < :end

-- name: created_by_day
-- The same by days of 24 hours from :start.
-- Index: glpi_tickets(date).
SELECT TIMESTAMPDIFF(SECOND, :start, t.date) DIV 86400 AS day, COUNT(*)
FROM glpi_tickets t
WHERE {segment} AND t.is_deleted = 0
  AND t.date >= :start AND t.date < :end
GROUP BY 1 ORDER BY 1

-- name: closed
-- Tickets solved in the interval. Solving is what the team does; GLPI's `closed` follows by the requester's approval or by itself some days
-- later. A reopening empties solvedate, so past windows are not frozen.
-- Index: glpi_tickets(solvedate).
SELECT COUNT(*)
FROM glpi_tickets t
WHERE {segment} AND t.is_deleted = 0
  AND t.solvedate >= :start AND t.solvedate < :end

-- name: resolved
-- Solved in the interval, with a reply before its end.
-- Index: glpi_tickets(solvedate); glpi_itilsolutions(itemtype, items_id); glpi_itilfollowups(itemtype, items_id).
SELECT COUNT(*)
FROM glpi_tickets t
WHERE {segment} AND t.is_deleted = 0
  AND t.solvedate >= :start AND t.solvedate < :end
  AND (EXISTS (
      SELECT 1 FROM glpi_itilsolutions s
      WHERE s.itemtype = 'Ticket' AND s.items_id = t.id AND s.users_id <> 0 AND s.date_creation < :end)
    OR EXISTS (
      SELECT 1 FROM glpi_itilfollowups f
      WHERE f.itemtype = 'Ticket' AND f.items_id = t.id AND f.is_private = 0 AND f.users_id <> 0 AND f.date < :end
        AND NOT EXISTS (
          SELECT 1 FROM glpi_tickets_users u
          WHERE u.tickets_id = t.id AND u.type = 1 AND u.users_id = f.users_id)))

-- name: replies
-- Replies in the interval: public follow-ups and solutions.
-- Index: glpi_itilfollowups(date); glpi_itilsolutions(date_creation).
SELECT
  (SELECT COUNT(*)
   FROM glpi_itilfollowups f
   JOIN glpi_tickets t ON t.id = f.items_id
   WHERE {segment} AND t.is_deleted = 0
     AND f.itemtype = 'Ticket' AND f.is_private = 0 AND f.users_id <> 0
     AND f.date >= :start AND f.date < :end
     AND NOT EXISTS (
       SELECT 1 FROM glpi_tickets_users u
       WHERE u.tickets_id = t.id AND u.type = 1 AND u.users_id = f.users_id))
  +
  (SELECT COUNT(*)
   FROM glpi_itilsolutions s
   JOIN glpi_tickets t ON t.id = s.items_id
   WHERE {segment} AND t.is_deleted = 0
     AND s.itemtype = 'Ticket' AND s.users_id <> 0
     AND s.date_creation >= :start AND s.date_creation < :end)

-- name: received_messages
-- Tickets opened in the interval, since the ticket itself is its first message, and public follow-ups by a requester. The follow-up of
-- someone unknown (users_id 0) is the requester's where the requester is unknown too.
-- Index: glpi_tickets(date); glpi_itilfollowups(date).
SELECT
  (SELECT COUNT(*)
   FROM glpi_tickets t
   WHERE {segment} AND t.is_deleted = 0 AND t.date >= :start AND t.date < :end)
  +
  (SELECT COUNT(*)
   FROM glpi_itilfollowups f
   JOIN glpi_tickets t ON t.id = f.items_id
   WHERE {segment} AND t.is_deleted = 0
     AND f.itemtype = 'Ticket' AND f.is_private = 0
     AND f.date >= :start AND f.date < :end
     AND EXISTS (
       SELECT 1 FROM glpi_tickets_users u
       WHERE u.tickets_id = t.id AND u.type = 1 AND u.users_id = f.users_id))

-- name: open
-- Tickets that are neither solved nor closed now.
-- Index: glpi_tickets(status).
SELECT CASE t.status WHEN 1 THEN 'new' WHEN 2 THEN 'assigned' WHEN 3 THEN 'planned' WHEN 4 THEN 'pending' WHEN 10 THEN 'approval' END
  AS status, COUNT(*)
FROM glpi_tickets t
WHERE {segment} AND t.is_deleted = 0 AND t.status IN (1, 2, 3, 4, 10)
GROUP BY t.status ORDER BY t.status

-- name: oldest_open
-- When the oldest of them was opened.
-- Index: glpi_tickets(status).
SELECT CASE t.status WHEN 1 THEN 'new' WHEN 2 THEN 'assigned' WHEN 3 THEN 'planned' WHEN 4 THEN 'pending' WHEN 10 THEN 'approval' END
  AS status, MIN(t.date)
FROM glpi_tickets t
WHERE {segment} AND t.is_deleted = 0 AND t.status IN (1, 2, 3, 4, 10)
GROUP BY t.status ORDER BY t.status

-- name: first_response_mean_seconds
-- GLPI's own "take into account" time of tickets taken into account in the interval: to the first act of the team, an assignment included,
-- in working time of the calendar where one is set.
-- Index: glpi_tickets(takeintoaccountdate).
SELECT AVG(t.takeintoaccount_delay_stat)
FROM glpi_tickets t
WHERE {segment} AND t.is_deleted = 0
  AND t.takeintoaccountdate >= :start AND t.takeintoaccountdate < :end

-- name: ratings
-- Satisfaction surveys answered in the interval, on GLPI's scale of 5: 4 and more is great, 3 and more is okay, less is not good. Only
-- surveys of GLPI itself (type 1); a scale other than 5 (GLPI 11 allows it) is read through satisfaction_scaled_to_5, so before GLPI 11 this
-- query needs `satisfaction` in its place.
-- Index: none on the date; the table of surveys is read, one row a survey.
SELECT CASE WHEN r.satisfaction_scaled_to_5 >= 4 THEN 'great' WHEN r.satisfaction_scaled_to_5 >= 3 THEN 'okay' ELSE 'not_good' END
  AS rating, COUNT(*)
FROM glpi_ticketsatisfactions r
JOIN glpi_tickets t ON t.id = r.tickets_id
WHERE {segment} AND t.is_deleted = 0
  AND r.type = 1 AND r.satisfaction_scaled_to_5 IS NOT NULL
  AND r.date_answered >= :start AND r.date_answered < :end
GROUP BY 1 ORDER BY 1

-- name: reasons
-- Tickets opened in the interval, by category with its parents. A ticket has one category, or none and then counts under no reason.
-- Index: glpi_tickets(date).
SELECT c.completename AS reason, COUNT(*)
FROM glpi_tickets t
JOIN glpi_itilcategories c ON c.id = t.itilcategories_id
WHERE {segment} AND t.is_deleted = 0
  AND t.date >= :start AND t.date < :end
GROUP BY c.id, c.completename ORDER BY c.completename

-- name: customers
-- Different requesters whose tickets got a reply in the interval. A requester without an account counts once per ticket: telling them apart
-- would need their addresses, which are not read.
-- Index: as `replies`; glpi_tickets_users(tickets_id, type, users_id, alternative_email).
SELECT COUNT(DISTINCT q.users_id, CASE q.users_id WHEN 0 THEN q.tickets_id ELSE 0 END)
FROM glpi_tickets t
JOIN (
    SELECT f.items_id, f.users_id AS author, 1 AS is_followup
    FROM glpi_itilfollowups f
    WHERE f.itemtype = 'Ticket' AND f.is_private = 0 AND f.users_id <> 0 AND f.date >= :start AND f.date < :end
    UNION ALL
    SELECT s.items_id, s.users_id, 0
    FROM glpi_itilsolutions s
    WHERE s.itemtype = 'Ticket' AND s.users_id <> 0 AND s.date_creation >= :start AND s.date_creation < :end
  ) r ON r.items_id = t.id
JOIN glpi_tickets_users q ON q.tickets_id = t.id AND q.type = 1
WHERE {segment} AND t.is_deleted = 0
  AND (r.is_followup = 0 OR NOT EXISTS (
    SELECT 1 FROM glpi_tickets_users u
    WHERE u.tickets_id = t.id AND u.type = 1 AND u.users_id = r.author))
