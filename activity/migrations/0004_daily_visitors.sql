CREATE VIEW IF NOT EXISTS {db}.daily_visitors
(
    site LowCardinality(String),
    day Date,
    cookieless UInt8,
    visitors UInt64
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT site, toDate(received_at) AS day, toUInt8(bitTest(flags, 1)) AS cookieless, intDiv(uniqExact(subject), 10) * 10 AS visitors
FROM {db}.events
WHERE scope = 'period'
GROUP BY site, day, cookieless
HAVING uniqExact(subject) >= 20;
