package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// variant is the table of the migrations with something else about it.
type variant struct {
	Name   string
	Engine string   // instead of the table's own partitions and order
	Alter  []string // what follows ALTER TABLE t
	Batch  uint64   // rows of one insert; 0: the shape's
	// Insert is what is stored instead of some columns: the column and its value.
	Insert map[string][2]string
}

func (v variant) table() string { return "variants." + v.Name }

const (
	byMonth  = "PARTITION BY toYYYYMM(received_at)"
	settings = " TTL expires_at SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1"
)

// chosen is the table as the migrations make it.
const chosen = "chosen"

// hashed keeps 16 bytes of a hash for each message id.
const hashed = "id_hash16"

// variants are measured beside what was chosen. first is what was there before
// anything was measured.
var variants = []variant{
	{Name: chosen},
	{Name: "batch_20k", Batch: 20_000},
	{Name: "first", Alter: slices.Concat([]string{messageBloom, "DROP INDEX visitor_bloom"}, times("Delta, ZSTD(1)"), texts("ZSTD(1)"), pathsAs("String"), lows("LowCardinality(String)", "Default"), numbers("Default"))},

	{Name: "message_bloom", Alter: []string{messageBloom}},
	{Name: "no_visitor_bloom", Alter: []string{"DROP INDEX visitor_bloom"}},
	{Name: "by_time", Engine: byMonth + " ORDER BY (site, received_at)" + settings},
	{Name: "by_day", Engine: byMonth + " ORDER BY (site, toDate(received_at), subject, ts)" + settings},
	{Name: "by_type", Engine: byMonth + " ORDER BY (site, type, name, subject, ts)" + settings},
	{Name: "weekly", Engine: "PARTITION BY toMonday(received_at) ORDER BY (site, subject, ts)" + settings},
	{Name: "granule_2048", Engine: byMonth + " ORDER BY (site, subject, ts)" + settings + ", index_granularity = 2048"},
	{Name: "granule_32768", Engine: byMonth + " ORDER BY (site, subject, ts)" + settings + ", index_granularity = 32768"},

	{Name: "paths_string", Alter: pathsAs("String")},
	{Name: "low_lz4", Alter: lows("LowCardinality(String)", "Default")},
	{Name: "low_as_string", Alter: lows("String", "ZSTD(1)")},
	{Name: "times_delta", Alter: times("Delta, ZSTD(1)")},
	{Name: "times_doubledelta", Alter: times("DoubleDelta, ZSTD(1)")},
	{Name: "times_zstd", Alter: times("ZSTD(1)")},
	{Name: "numbers_lz4", Alter: numbers("Default")},
	{Name: "properties_zstd1", Alter: []string{"MODIFY COLUMN properties CODEC(ZSTD(1))"}},
	{Name: "properties_zstd6", Alter: []string{"MODIFY COLUMN properties CODEC(ZSTD(6))"}},
	{Name: "blocks_1m", Alter: []string{"MODIFY SETTING min_compress_block_size = 1048576"}},
	{Name: "compact", Alter: []string{"MODIFY SETTING min_bytes_for_wide_part = 134217728"}},
	{Name: "unique_paths", Insert: uniquePaths},
	{Name: "unique_paths_string", Insert: uniquePaths, Alter: pathsAs("String")},
	{
		Name: hashed, Alter: []string{"MODIFY COLUMN message_id FixedString(16) CODEC(NONE) TTL stored_on + INTERVAL 8 DAY"},
		Insert: map[string][2]string{"message_id": {"message_id", "sipHash128(site, message_id)"}},
	},
	{
		Name: "kept_for", Engine: byMonth + " ORDER BY (site, subject, ts)" + strings.TrimPrefix(settings, " TTL expires_at"),
		Alter: []string{
			"ADD COLUMN kept_for UInt32 CODEC(ZSTD(1))", "MODIFY TTL toDateTime(received_at) + toIntervalSecond(kept_for)", "MODIFY COLUMN expires_at REMOVE CODEC",
			"MODIFY COLUMN expires_at DateTime('UTC') ALIAS toDateTime(received_at) + toIntervalSecond(kept_for)",
		},
		Insert: map[string][2]string{"expires_at": {"kept_for", "dateDiff('second', toDateTime(received_at), expires_at)"}},
	},
}

const messageBloom = "ADD INDEX message_id_bloom message_id TYPE bloom_filter(0.01) GRANULARITY 1"

// uniquePaths puts a number of its own into a fifth of the paths.
var uniquePaths = map[string][2]string{"page_path": {"page_path", "if(n % 5 = 0, concat(page_path, '/', toString(cityHash64(n))), page_path)"}}

// pathsAs gives paths and titles another type.
func pathsAs(kind string) []string {
	return modify(kind+" CODEC(ZSTD(1))", "page_path", "page_title", "referrer_path")
}

// texts gives every text that is no LowCardinality another codec.
func texts(codec string) []string {
	return modify("CODEC("+codec+")", "page_query", "`group`", "properties")
}

// lows gives every LowCardinality column that is not a path another type and codec.
func lows(kind, codec string) []string {
	return modify(kind+" CODEC("+codec+")", "type", "name", "page_host", "referrer_host", "campaign_name", "campaign_source", "campaign_medium",
		"campaign_term", "campaign_content", "browser", "os", "device", "country", "source_tag", "decided_by")
}

// numbers gives every small number another codec.
func numbers(codec string) []string {
	return modify("CODEC("+codec+")", "scope", "purposes", "policy_version", "key_version", "stored_on")
}

// times gives the three times another codec.
func times(codec string) []string {
	return modify("CODEC("+codec+")", "ts", "received_at", "expires_at")
}

func modify(to string, columns ...string) []string {
	out := make([]string, len(columns))
	for i, name := range columns {
		out[i] = "MODIFY COLUMN " + name + " " + to
	}
	return out
}

// pick returns the named variants; no names: all.
func pick(names string) ([]variant, error) {
	if names == "" {
		return variants, nil
	}
	var out []variant
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(variants, func(v variant) bool { return v.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no variant %s", name)
		}
		out = append(out, variants[i])
	}
	return out, nil
}

// makeTable makes the empty table of a variant.
func (r *room) makeTable(ctx context.Context, v variant) error {
	create := "CREATE TABLE " + v.table() + " AS zgoda.events"
	if v.Engine != "" {
		create += " ENGINE = MergeTree " + v.Engine
	}
	statements := []string{"CREATE DATABASE IF NOT EXISTS variants", "DROP TABLE IF EXISTS " + v.table() + " SYNC", create}
	for _, a := range v.Alter {
		statements = append(statements, "ALTER TABLE "+v.table()+" "+a)
	}
	for _, statement := range statements {
		if err := r.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
