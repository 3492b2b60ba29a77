package main

import (
	"context"
	"strings"

	"zgoda/bench/rows"
)

// shape says which rows are made. The same shape makes the same rows.
type shape rows.Shape

// Query selects count rows of the shape, the first being from.
func (s shape) Query(from, count uint64) string { return rows.Shape(s).Query(from, count) }

// eventColumns are the columns that a batch fills, as the writer does.
var eventColumns = rows.Columns

// source is the table of the rows as they arrive, which fills all variants.
const source = "variants.source"

// makeSource fills the source once.
func (r *room) makeSource(ctx context.Context, s shape) error { return r.makeSourceFrom(ctx, s, 0) }

// makeSourceFrom fills it with the rows from a number on.
func (r *room) makeSourceFrom(ctx context.Context, s shape, first uint64) error {
	for _, statement := range []string{
		"CREATE DATABASE IF NOT EXISTS variants",
		"DROP TABLE IF EXISTS " + source + " SYNC",
		"CREATE TABLE " + source + " (n UInt64, " + sourceColumns + ") ENGINE = MergeTree ORDER BY n SETTINGS min_bytes_for_wide_part = 0",
	} {
		if err := r.exec(ctx, statement); err != nil {
			return err
		}
	}
	const step = 1_000_000
	for from := first; from < s.Rows; from += step {
		query := "INSERT INTO " + source + " (n, " + strings.Join(eventColumns, ", ") + ") " + s.Query(from, min(step, s.Rows-from))
		if err := r.exec(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

// sourceColumns are the types as the writer sends them.
const sourceColumns = "site LowCardinality(String), ts DateTime64(3, 'UTC'), received_at DateTime64(3, 'UTC'), message_id String, " +
	"scope Enum8('none' = 0, 'period' = 1, 'person' = 2), subject FixedString(16), visitor FixedString(16), type LowCardinality(String), " +
	"name LowCardinality(String), page_host LowCardinality(String), page_path String, page_query String, page_title String, " +
	"referrer_host LowCardinality(String), referrer_path String, campaign_name LowCardinality(String), campaign_source LowCardinality(String), " +
	"campaign_medium LowCardinality(String), campaign_term LowCardinality(String), campaign_content LowCardinality(String), " +
	"browser LowCardinality(String), os LowCardinality(String), device LowCardinality(String), country LowCardinality(String), " +
	"source_tag LowCardinality(String), purposes UInt32, decided_by LowCardinality(String), policy_version UInt32, key_version UInt32, " +
	"`group` String, properties String, expires_at DateTime('UTC')"
