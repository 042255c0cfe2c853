-- Chatwoot on PostgreSQL: tables of Chatwoot 4 (db/schema.rb, version 2025_08_16_044639).
--
-- Times are `timestamp without time zone` in UTC, so each bound becomes a UTC wall clock time, whatever zone the session has.
-- One database can hold several accounts: {account_id} is the one that is counted.
-- Codes: conversations.status 0 open, 1 resolved, 2 pending, 3 snoozed; messages.message_type 0 incoming, 1 outgoing, 2 activity,
-- 3 template (greetings, out of office, surveys).
-- Left out everywhere, with their messages, events and ratings: conversations of campaigns (campaign_id), which the team began. Chatwoot
-- knows neither spam nor merged conversations; a deleted conversation takes its rows with it.
-- A reply is an outgoing message of a user, not private. Bots have another sender_type (AgentBot, Captain::Assistant) and automation
-- rules have none; a message of a one-off campaign names it in additional_attributes.

-- name: created
-- Conversations created in the interval.
-- Index: Chatwoot has none on created_at: those on account_id serve, so the whole account is read. Add one on conversations
-- (account_id, created_at).
SELECT count(*)
FROM conversations t
WHERE {segment} AND t.account_id = {account_id} AND t.campaign_id IS NULL
  AND t.created_at >= :start AT TIME ZONE 'UTC' AND t.created_at < :end AT TIME ZONE 'UTC'

-- name: created_by_day
-- The same by days of 24 hours from :start.
-- Index: as `created`.
SELECT floor(extract(epoch FROM t.created_at - :start AT TIME ZONE 'UTC') / 86400)::bigint AS day, count(*)
FROM conversations t
WHERE {segment} AND t.account_id = {account_id} AND t.campaign_id IS NULL
  AND t.created_at >= :start AT TIME ZONE 'UTC' AND t.created_at < :end AT TIME ZONE 'UTC'
GROUP BY 1 ORDER BY 1

-- name: closed
-- Conversations resolved in the interval, each once however often it was resolved there, by an agent, a bot or automatically. The
-- events are kept, so past windows stay as they were.
-- Index: reporting_events(account_id, name, created_at).
SELECT count(DISTINCT e.conversation_id)
FROM reporting_events e
JOIN conversations t ON t.id = e.conversation_id
WHERE {segment} AND t.account_id = {account_id} AND t.campaign_id IS NULL
  AND e.account_id = {account_id} AND e.name = 'conversation_resolved'
  AND e.created_at >= :start AT TIME ZONE 'UTC' AND e.created_at < :end AT TIME ZONE 'UTC'

-- name: resolved
-- Resolved in the interval, with a reply before its end.
-- Index: as `closed`; messages(conversation_id, account_id, message_type, created_at).
SELECT count(DISTINCT e.conversation_id)
FROM reporting_events e
JOIN conversations t ON t.id = e.conversation_id
WHERE {segment} AND t.account_id = {account_id} AND t.campaign_id IS NULL
  AND e.account_id = {account_id} AND e.name = 'conversation_resolved'
  AND e.created_at >= :start AT TIME ZONE 'UTC' AND e.created_at < :end AT TIME ZONE 'UTC'
  AND EXISTS (
    SELECT 1 FROM messages m
    WHERE m.conversation_id = t.id AND m.account_id = {account_id} AND m.message_type = 1 AND NOT m.private
      AND m.sender_type = 'User' AND (m.additional_attributes ->> 'campaign_id') IS NULL
      AND m.created_at < :end AT TIME ZONE 'UTC')

-- name: replies
-- Replies sent in the interval.
-- Index: messages(account_id, created_at, message_type).
SELECT count(*)
FROM messages m
JOIN conversations t ON t.id = m.conversation_id
WHERE {segment} AND t.account_id = {account_id} AND t.campaign_id IS NULL
  AND m.account_id = {account_id} AND m.message_type = 1 AND NOT m.private
  AND m.sender_type = 'User' AND (m.additional_attributes ->> 'campaign_id') IS NULL
  AND m.created_at >= :start AT TIME ZONE 'UTC' AND m.created_at < :end AT TIME ZONE 'UTC'

-- name: received_messages
-- Incoming messages in the interval, the first one of a conversation too.
-- Index: as `replies`.
SELECT count(*)
FROM messages m
JOIN conversations t ON t.id = m.conversation_id
WHERE {segment} AND t.account_id = {account_id} AND t.campaign_id IS NULL
  AND m.account_id = {account_id} AND m.message_type = 0 AND NOT m.private
  AND m.created_at >= :start AT TIME ZONE 'UTC' AND m.created_at < :end AT TIME ZONE 'UTC'

-- name: open
-- Conversations that are not resolved now. A pending one is with a bot.
-- Index: conversations(status, account_id).
SELECT CASE t.status WHEN 0 THEN 'open' WHEN 2 THEN 'pending' WHEN 3 THEN 'snoozed' END AS status, count(*)
FROM conversations t
WHERE {segment} AND t.account_id = {account_id} AND t.campaign_id IS NULL AND t.status IN (0, 2, 3)
GROUP BY t.status ORDER BY t.status

-- name: oldest_open
-- When the oldest of them was created.
-- Index: as `open`.
SELECT CASE t.status WHEN 0 THEN 'open' WHEN 2 THEN 'pending' WHEN 3 THEN 'snoozed' END AS status,
  min(t.created_at) AT TIME ZONE 'UTC'
FROM conversations t
WHERE {segment} AND t.account_id = {account_id} AND t.campaign_id IS NULL AND t.status IN (0, 2, 3)
GROUP BY t.status ORDER BY t.status

-- name: first_response_mean_seconds
-- Chatwoot's own figure, on the clock, of first answers by a person given in the interval (event first_response). A conversation that an
-- agent began is in it, with that message as its answer. value_in_business_hours instead of value would be working time of the inbox.
-- Index: reporting_events(account_id, name, created_at).
SELECT avg(e.value)
FROM reporting_events e
JOIN conversations t ON t.id = e.conversation_id
WHERE {segment} AND t.account_id = {account_id} AND t.campaign_id IS NULL
  AND e.account_id = {account_id} AND e.name = 'first_response'
  AND e.created_at >= :start AT TIME ZONE 'UTC' AND e.created_at < :end AT TIME ZONE 'UTC'

-- name: ratings
-- Survey answers given in the interval: 5 and 4 are great, 3 is okay, 2 and 1 are not good. A changed answer stays where it was first given.
-- Index: csat_survey_responses(account_id).
SELECT CASE WHEN r.rating >= 4 THEN 'great' WHEN r.rating = 3 THEN 'okay' ELSE 'not_good' END AS rating, count(*)
FROM csat_survey_responses r
JOIN conversations t ON t.id = r.conversation_id
WHERE {segment} AND t.account_id = {account_id} AND t.campaign_id IS NULL
  AND r.account_id = {account_id}
  AND r.created_at >= :start AT TIME ZONE 'UTC' AND r.created_at < :end AT TIME ZONE 'UTC'
GROUP BY 1 ORDER BY 1

-- name: reasons
-- Conversations created in the interval, by label (cached_label_list, which Chatwoot keeps beside the labels themselves). A conversation
-- with several labels counts under each.
-- Index: as `created`.
SELECT btrim(l.name) AS reason, count(DISTINCT t.id)
FROM conversations t
CROSS JOIN LATERAL unnest(string_to_array(t.cached_label_list, ',')) AS l (name)
WHERE {segment} AND t.account_id = {account_id} AND t.campaign_id IS NULL
  AND t.created_at >= :start AT TIME ZONE 'UTC' AND t.created_at < :end AT TIME ZONE 'UTC'
GROUP BY 1 ORDER BY 1

-- name: customers
-- Different contacts (conversations.contact_id) whose conversations got a reply in the interval.
-- Index: as `replies`.
SELECT count(DISTINCT t.contact_id)
FROM messages m
JOIN conversations t ON t.id = m.conversation_id
WHERE {segment} AND t.account_id = {account_id} AND t.campaign_id IS NULL
  AND m.account_id = {account_id} AND m.message_type = 1 AND NOT m.private
  AND m.sender_type = 'User' AND (m.additional_attributes ->> 'campaign_id') IS NULL
  AND m.created_at >= :start AT TIME ZONE 'UTC' AND m.created_at < :end AT TIME ZONE 'UTC'
