// Package rows makes rows of events as the writer would store them, many millions of
// them, by a query that ClickHouse itself answers. The same shape makes the same rows.
package rows

import (
	"fmt"
	"strings"
)

// Shape says which rows are made.
type Shape struct {
	Rows     uint64
	Visitors uint64
	Days     int    // over which the rows are spread, up to the start of today
	End      int64  // Unix seconds of the last row
	Batch    uint64 // rows of one insert
}

// template: a visitor is drawn as in bench: its rank's frequency falls as (8+rank)^-1.1.
// Smaller sets are drawn with a frequency that falls as 1/rank.
const template = `
WITH
    (x -> toUInt64(floor(pow(pow(8, -0.1) - x * (pow(8, -0.1) - pow(8 + {visitors}, -0.1)), -10) - 8))) AS zipf,
    ((x, size) -> toUInt32(floor(exp(x * log(size + 1)))) - 1) AS few,
    ((row, salt) -> cityHash64(row, salt) / 18446744073709551616.) AS u
SELECT
    n,
    if(intDiv(hv, 7) % 10 < 9, 'shop', 'blog') AS site,
    fromUnixTimestamp64Milli(if(scope = 0, intDiv(sent, 3600000) * 3600000, sent), 'UTC') AS ts,
    fromUnixTimestamp64Milli(if(scope = 0, intDiv(arrived, 3600000) * 3600000, arrived), 'UTC') AS received_at,
    multiIf(m < 70, concat('ajs-next-', toString(sent), '-', toString(reinterpretAsUUID(sipHash128(n)))),
            m < 90, toString(reinterpretAsUUID(sipHash128(n))),
            concat('api-', substring(base58Encode(sipHash128(n, 'api')), 1, 20), leftPad(toString(n % 9999999), 7, '0'))) AS message_id,
    CAST(scope, 'Enum8(\'none\' = 0, \'period\' = 1, \'person\' = 2)') AS scope_name,
    multiIf(scope = 2 AND contact, sipHash128('contact', intDiv(v, 2)), scope = 2, sipHash128('visitor', v),
            scope = 1, sipHash128('period', month, v), toFixedString('', 16)) AS subject,
    multiIf(scope = 2, sipHash128('visitor', v), scope = 1, sipHash128('period', month, v), toFixedString('', 16)) AS visitor,
    multiIf(kind < 5, 'identify', kind < 40, 'page', 'track') AS type,
    if(type = 'track', concat(['Product Viewed', 'Product Added', 'Order Completed', 'Search', 'Signup'][1 + name % 5], if(name < 5, '', concat(' ', toString(intDiv(name, 5))))), '') AS name_text,
    if(site = 'shop', 'shop.example', 'blog.example') AS page_host,
    concat('/', ['products', 'category', 'article', 'help'][1 + path % 4], '/', ['lamp', 'chair', 'table', 'sofa', 'shelf', 'carpet', 'mirror'][1 + path % 7], '-', toString(path)) AS page_path,
    if(scope > 0 AND u(n, 'query') < 0.05, concat('page=', toString(n % 9)), '') AS page_query,
    if(scope > 0, concat(['Lamp', 'Chair', 'Table', 'Sofa', 'Shelf', 'Carpet', 'Mirror'][1 + path % 7], ' ', toString(path), ' | Example shop'), '') AS page_title,
    multiIf(scope = 0 OR ref < 0.3, '', ref < 0.8, page_host, ['search.example', 'www.google.com', 'www.bing.com', 'duckduckgo.com', 'l.facebook.com', 't.co', 'news.example', 'mail.example'][1 + few(u(n, 'refhost'), 8)]) AS referrer_host,
    multiIf(referrer_host = '', '', referrer_host = page_host, concat('/category/', ['lamp', 'chair', 'table', 'sofa', 'shelf', 'carpet', 'mirror'][1 + few(u(n, 'refpath'), 2000) % 7], '-', toString(few(u(n, 'refpath'), 2000))), '/') AS referrer_path,
    if(campaign, concat('campaign-', toString(few(u(n, 'campaign'), 50))), '') AS campaign_name,
    if(campaign, ['newsletter', 'google', 'facebook', 'bing', 'partner'][1 + few(u(n, 'campaign'), 50) % 5], '') AS campaign_source,
    if(campaign, ['mail', 'cpc', 'social'][1 + few(u(n, 'campaign'), 50) % 3], '') AS campaign_medium,
    if(campaign AND n % 4 = 0, concat('term ', toString(few(u(n, 'term'), 300))), '') AS campaign_term,
    if(campaign AND n % 3 = 0, concat('banner-', toString(n % 12)), '') AS campaign_content,
    if(scope > 0, ['Chrome', 'Safari', 'Firefox', 'Edge', 'Samsung Internet', 'Opera', 'Chrome Mobile'][1 + few(u(v, 'browser'), 7)], '') AS browser,
    if(scope > 0, ['Windows', 'Android', 'iOS', 'macOS', 'Linux'][1 + few(u(v, 'os'), 5)], '') AS os,
    if(scope > 0, ['desktop', 'mobile', 'tablet'][1 + few(u(v, 'os'), 5) % 3], '') AS device,
    ['PL', 'SK', 'CZ', 'DE', 'AT', 'FR', 'HU', 'GB', 'UA', 'IT'][1 + few(u(v, 'country'), 10)] AS country,
    if(scope > 0, ['web', 'web', 'web', 'ios', 'server'][1 + hv % 5], '') AS source_tag,
    toUInt32(multiIf(scope = 2, if(intDiv(hv, 1000) % 4 = 0, 2, 6), scope = 1, 4, 1)) AS purposes,
    multiIf(scope = 0, 'nobody', contact, 'contact', 'visitor') AS decided_by,
    toUInt32(1 + intDiv(n * 3, {rows})) AS policy_version,
    toUInt32(1) AS key_version,
    if(scope = 2 AND contact AND hv % 50 = 0, concat(CAST(sipHash128('group', hv % 1000), 'String'), CAST(sipHash128('g', hv % 1000), 'String')), '') AS ` + "`group`" + `,
    if(scope = 0 OR type = 'identify', '', concat('{"sku":"', upper(['lamp', 'chair', 'table', 'sofa', 'shelf', 'carpet', 'mirror'][1 + sku % 7]), '-', toString(sku), '","price":', toString(5 + cityHash64(sku) % 400), '.', toString(cityHash64(sku) % 10), '0,"currency":"', if(country = 'GB', 'GBP', 'EUR'), '","category":"', ['lamps', 'chairs', 'tables', 'sofas', 'shelves', 'carpets', 'mirrors'][1 + sku % 7], '"', if(u(n, 'quantity') < 0.5, concat(',"quantity":', toString(1 + few(u(n, 'quantity2'), 9))), ''), if(u(n, 'position') < 0.3, concat(',"position":', toString(n % 24)), ''), '}')) AS properties,
    toDateTime(addMonths(received_at, if(scope = 0, 25, 13)), 'UTC') AS expires_at
FROM
(
    SELECT number AS n, zipf(u(number, 'visitor')) AS v, cityHash64(v, 'v') AS hv,
        toInt64({end}) * 1000 - toInt64(({rows} - 1 - number) * ({days} * 86400000 / {rows})) AS arrived,
        arrived - toInt64(if(u(number, 'late') < 0.03, 3600000, 2000) * u(number, 'lag')) AS sent,
        toYYYYMM(fromUnixTimestamp64Milli(arrived, 'UTC')) AS month,
        multiIf(hv % 100 < 80, 2, hv % 100 < 92, 1, 0) AS scope,
        intDiv(hv, 100) % 10 < 3 AS contact,
        cityHash64(number, 'id') % 100 AS m, cityHash64(number, 'kind') % 100 AS kind,
        few(u(number, 'name'), 40) AS name, few(u(number, 'path'), 2000) AS path, few(u(number, 'sku'), 5000) AS sku,
        u(number, 'ref') AS ref, scope > 0 AND u(number, 'has campaign') < 0.1 AS campaign
    FROM numbers({from}, {count})
)`

// Columns are the columns of the rows, in order, after a first one, their number.
var Columns = []string{
	"site", "ts", "received_at", "message_id", "scope", "subject", "visitor", "type", "name", "page_host", "page_path", "page_query",
	"page_title", "referrer_host", "referrer_path", "campaign_name", "campaign_source", "campaign_medium", "campaign_term",
	"campaign_content", "browser", "os", "device", "country", "source_tag", "purposes", "decided_by", "policy_version", "key_version",
	"`group`", "properties", "expires_at",
}

// Query selects count rows of the shape, the first being from.
func (s Shape) Query(from, count uint64) string {
	return strings.NewReplacer(
		"{visitors}", fmt.Sprint(s.Visitors), "{rows}", fmt.Sprint(s.Rows), "{days}", fmt.Sprint(s.Days),
		"{end}", fmt.Sprint(s.End), "{from}", fmt.Sprint(from), "{count}", fmt.Sprint(count),
	).Replace(template)
}
