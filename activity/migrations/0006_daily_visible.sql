CREATE OR REPLACE VIEW {db}.daily_activity
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
FROM {db}.visible_events
WHERE scope IN ('none', 'period')
GROUP BY site, day, scope, type, name, page_path, country
HAVING if(scope = 'period', uniqExact(subject), count()) >= 20;
CREATE OR REPLACE VIEW {db}.daily_visitors
(
    site LowCardinality(String),
    day Date,
    cookieless UInt8,
    visitors UInt64
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT site, toDate(received_at) AS day, toUInt8(bitTest(flags, 1)) AS cookieless, intDiv(uniqExact(subject), 10) * 10 AS visitors
FROM {db}.visible_events
WHERE scope = 'period'
GROUP BY site, day, cookieless
HAVING uniqExact(subject) >= 20;
