CREATE TABLE IF NOT EXISTS {db}.events
(
    site LowCardinality(String),
    ts DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    message_id String CODEC(ZSTD(1)) TTL stored_on + INTERVAL 8 DAY,
    scope Enum8('none' = 0, 'period' = 1, 'person' = 2),
    subject FixedString(16) CODEC(ZSTD(1)),
    visitor FixedString(16) CODEC(ZSTD(1)),
    type LowCardinality(String),
    name LowCardinality(String),
    page_host LowCardinality(String),
    page_path String CODEC(ZSTD(1)),
    page_query String CODEC(ZSTD(1)),
    page_title String CODEC(ZSTD(1)),
    referrer_host LowCardinality(String),
    referrer_path String CODEC(ZSTD(1)),
    campaign_name LowCardinality(String),
    campaign_source LowCardinality(String),
    campaign_medium LowCardinality(String),
    campaign_term LowCardinality(String),
    campaign_content LowCardinality(String),
    browser LowCardinality(String),
    os LowCardinality(String),
    device LowCardinality(String),
    country LowCardinality(String),
    source_tag LowCardinality(String),
    purposes UInt32,
    decided_by LowCardinality(String),
    policy_version UInt32,
    key_version UInt32,
    `group` String CODEC(ZSTD(1)),
    properties String CODEC(ZSTD(1)),
    expires_at DateTime('UTC') CODEC(Delta, ZSTD(1)),
    stored_on Date DEFAULT today(),
    INDEX message_id_bloom message_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (site, subject, ts)
TTL expires_at
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS {db}.links
(
    site LowCardinality(String),
    subject FixedString(16),
    visitor FixedString(16),
    seen_at DateTime('UTC'),
    expires_at DateTime('UTC')
)
ENGINE = ReplacingMergeTree(expires_at)
ORDER BY (site, subject, visitor)
TTL expires_at
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE VIEW IF NOT EXISTS {db}.daily_activity
(
    site LowCardinality(String),
    day Date,
    scope Enum8('none' = 0, 'period' = 1, 'person' = 2),
    type LowCardinality(String),
    name LowCardinality(String),
    page_path String,
    country LowCardinality(String),
    events UInt64
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT site, toDate(received_at) AS day, scope, type, name, page_path, country, intDiv(count(), 10) * 10 AS events
FROM {db}.events
WHERE scope IN ('none', 'period')
GROUP BY site, day, scope, type, name, page_path, country
HAVING if(scope = 'period', uniqExact(subject), count()) >= 20;
