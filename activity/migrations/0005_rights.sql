ALTER TABLE {db}.events
    MODIFY SETTING finished_mutations_to_keep = 1, old_parts_lifetime = 1;
ALTER TABLE {db}.links
    MODIFY SETTING finished_mutations_to_keep = 1, old_parts_lifetime = 1;
CREATE TABLE IF NOT EXISTS {db}.hidden
(
    subject FixedString(16),
    what UInt8,
    since DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = Memory;
CREATE TABLE IF NOT EXISTS {db}.erasures_done
(
    id FixedString(16),
    at DateTime('UTC'),
    until DateTime('UTC')
)
ENGINE = ReplacingMergeTree(at)
ORDER BY id
TTL until
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
CREATE VIEW IF NOT EXISTS {db}.visible_events
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    site, ts, received_at, message_id, scope, subject, visitor, type, name, page_host, page_path, page_query, page_title, referrer_host,
    referrer_path, campaign_name, campaign_source, campaign_medium, campaign_term, campaign_content, browser, os, device, country, source_tag,
    purposes, decided_by, policy_version, key_version, flags, `group`, properties, expires_at, stored_on
FROM {db}.events
WHERE subject NOT IN (SELECT subject FROM {db}.hidden WHERE bitAnd(what, 1) > 0)
    AND (SELECT count() FROM {db}.hidden WHERE subject = toFixedString('', 16)) > 0;
CREATE VIEW IF NOT EXISTS {db}.profiled_events
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    site, ts, received_at, message_id, scope, subject, visitor, type, name, page_host, page_path, page_query, page_title, referrer_host,
    referrer_path, campaign_name, campaign_source, campaign_medium, campaign_term, campaign_content, browser, os, device, country, source_tag,
    purposes, decided_by, policy_version, key_version, flags, `group`, properties, expires_at, stored_on
FROM {db}.events
WHERE scope = 'person' AND subject NOT IN (SELECT subject FROM {db}.hidden WHERE bitAnd(what, 3) > 0)
    AND (SELECT count() FROM {db}.hidden WHERE subject = toFixedString('', 16)) > 0;
CREATE VIEW IF NOT EXISTS {db}.decidable_events
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    site, ts, received_at, message_id, scope, subject, visitor, type, name, page_host, page_path, page_query, page_title, referrer_host,
    referrer_path, campaign_name, campaign_source, campaign_medium, campaign_term, campaign_content, browser, os, device, country, source_tag,
    purposes, decided_by, policy_version, key_version, flags, `group`, properties, expires_at, stored_on
FROM {db}.events
WHERE scope = 'person' AND subject NOT IN (SELECT subject FROM {db}.hidden WHERE bitAnd(what, 5) > 0)
    AND (SELECT count() FROM {db}.hidden WHERE subject = toFixedString('', 16)) > 0;
