package activity

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"zgoda/event"
)

// Rekey puts new pseudonyms in the place of old ones, once, from a map that is in
// the server's memory alone. It belongs to one goroutine. While Rewrite or Links
// runs nobody may insert: what comes between their copy and the exchange is lost.
type Rekey struct {
	store *Store
	scope event.Scope
	to    event.KeyVersion
	table string // the map's, in the engine Memory
	pairs uint64

	afterCopy, beforeExchange func() // of tests
}

// Errors of a Rekey.
var (
	// ErrMapGone means that the server has lost the map, which it keeps in memory
	// only, or that another Rekey began: begin anew.
	ErrMapGone = errors.New("the map of pseudonyms is gone from ClickHouse's memory: begin anew")
	// ErrCopyDiffers means that rows were changed or inserted while they were
	// copied. The table is as it was.
	ErrCopyDiffers = errors.New("the rewritten copy is not the same rows: somebody else writes to this table")
)

const (
	mapPrefix         = "rekey_map_"
	eventsCopyPrefix  = "events_rekey_"
	linksCopyPrefix   = "links_rekey_"
	copiedAtOnce      = 65_536   // rows of a block that is read
	writtenAtOnce     = 262_144  // rows of a part that is written
	writtenBytes      = 64 << 20 // and its bytes
	emptyHandle       = "toFixedString('', 16)"
	partitionOfNoRule = "all" // of a table without a partition key
)

// Rekey begins to rewrite the rows of a scope; to is the version of the key that
// the new pseudonyms are of. What an earlier one left behind is taken away. While an
// erasure is under way it returns ErrErasing, and so does Rewrite.
func (s *Store) Rekey(ctx context.Context, scope event.Scope, to event.KeyVersion) (*Rekey, error) {
	if err := s.mayLook(ctx); err != nil {
		return nil, err
	}
	if err := errors.Join(s.dropRekeys(ctx, mapPrefix), s.clearCopies(ctx)); err != nil {
		return nil, err
	}
	if err := s.noErasing(ctx); err != nil {
		return nil, err
	}
	r := &Rekey{store: s, scope: scope, to: to, table: mapPrefix + fresh(), afterCopy: func() {}, beforeExchange: func() {}}
	err := s.exec(ctx, "make the map of pseudonyms", "CREATE TABLE {db}."+r.table+" (old FixedString(16), new FixedString(16)) ENGINE = Memory")
	if err != nil {
		return nil, err
	}
	return r, nil
}

// fresh is the end of a table's name that no other has had: a statement on its
// way to a server that hangs must never meet a later table.
func fresh() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// dropRekeys drops every table whose name begins so. A statement that still reads
// one of them has ended by then, and a later one fails.
func (s *Store) dropRekeys(ctx context.Context, prefixes ...string) error {
	names, err := s.namesOf(ctx, prefixes...)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := s.exec(ctx, "drop a table of a rewriting", "DROP TABLE IF EXISTS {db}."+name+" SYNC"); err != nil {
			return err
		}
	}
	return nil
}

// namesOf returns the tables whose names begin so.
func (s *Store) namesOf(ctx context.Context, prefixes ...string) (names []string, err error) {
	err = s.conn.QueryRow(ctx, "SELECT groupArray(name) FROM system.tables WHERE database = ? AND arrayExists(p -> startsWith(name, p), ?)", s.database, prefixes).Scan(&names)
	return names, classifyOrNil("look for tables of a rewriting", err)
}

// Map adds pairs to the map. They travel as data and never touch a disk.
func (r *Rekey) Map(ctx context.Context, old, new []event.Handle) error {
	const act = "insert into the map of pseudonyms"
	if len(old) != len(new) {
		return classify(act, errValue)
	}
	batch, err := r.store.conn.PrepareBatch(ctx, r.store.insertInto(r.table, []string{"old", "new"}))
	if err != nil {
		return classify(act, err)
	}
	defer func() { _ = batch.Close() }()
	for i, column := range [][]event.Handle{old, new} {
		values := make([][]byte, len(column))
		for j := range column {
			values[j] = column[j][:]
		}
		if err := batch.Column(i).Append(values); err != nil {
			return classify(act, err)
		}
	}
	if err := batch.Send(); err != nil {
		return classify(act, err)
	}
	r.pairs += uint64(len(old))
	return nil
}

// Pairs is how many were added.
func (r *Rekey) Pairs() uint64 { return r.pairs }

// stale is what the rows to be rewritten have in common.
func (r *Rekey) stale() string {
	return fmt.Sprintf("scope = %d AND subject IN (SELECT old FROM {db}.%s)", r.scope, r.table)
}

// Partitions returns the ids of those that have rows to rewrite, the oldest first.
func (r *Rekey) Partitions(ctx context.Context) ([]string, error) {
	if err := r.there(ctx); err != nil {
		return nil, err
	}
	var ids []string
	err := r.one(ctx, "look for rows to rewrite", "SELECT arraySort(groupUniqArray(toString(_partition_id))) FROM {db}.events WHERE "+r.stale(), &ids)
	return ids, errors.Join(err, r.there(ctx))
}

// Left is how many rows of events and links are still under an old pseudonym.
func (r *Rekey) Left(ctx context.Context) (rows uint64, err error) {
	const act = "count rows to rewrite"
	var links uint64
	if err := r.one(ctx, act, "SELECT count() FROM {db}.events WHERE "+r.stale(), &rows); err != nil {
		return 0, err
	}
	if r.scope == event.ScopePerson {
		if err := r.one(ctx, act, "SELECT count() FROM {db}.links WHERE subject IN (SELECT old FROM {db}."+r.table+")", &links); err != nil {
			return 0, err
		}
	}
	return rows + links, r.there(ctx)
}

// End takes the map away. Whatever happened before, nothing of the Rekey is left.
func (r *Rekey) End(ctx context.Context) error {
	return errors.Join(r.store.dropRekeys(ctx, mapPrefix), r.store.clearCopies(ctx))
}

// there returns ErrMapGone unless the map is whole. It only ever loses all: a map
// that is whole after a statement was so while it ran.
func (r *Rekey) there(ctx context.Context) error {
	var n uint64
	err := r.one(ctx, "count the map of pseudonyms", "SELECT count() FROM {db}."+r.table, &n)
	if e, ok := errors.AsType[*Error](err); ok && e.Code == codeUnknownTable {
		return ErrMapGone
	}
	if err == nil && n != r.pairs {
		return ErrMapGone
	}
	return err
}

// The server's codes for a table that there is not, and for what a user may not do.
const (
	codeUnknownTable = 60
	codeDenied       = 497
)

// one asks for one row.
func (r *Rekey) one(ctx context.Context, act, query string, into ...any) error {
	if err := r.store.conn.QueryRow(heavy(ctx), strings.ReplaceAll(query, "{db}", r.store.database)).Scan(into...); err != nil {
		return classify(act, err)
	}
	return nil
}

// do runs a statement that may take long.
func (r *Rekey) do(ctx context.Context, act, statement string) error {
	return r.store.exec(heavy(ctx), act, statement)
}

// heavy gives a statement what it needs beside inserts and reads of others: little
// memory, as long as it takes, however large what goes is, and nothing spilled to a disk.
func heavy(ctx context.Context) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"max_execution_time": 0, "join_use_nulls": 0, "join_algorithm": "hash", "insert_deduplicate": 0, "async_insert": 0,
		"max_table_size_to_drop": 0, "max_partition_size_to_drop": 0,
		"max_threads": 2, "max_insert_threads": 1, "max_block_size": copiedAtOnce, "max_insert_block_size": writtenAtOnce,
		"min_insert_block_size_rows": writtenAtOnce, "min_insert_block_size_bytes": writtenBytes,
		"max_bytes_before_external_group_by": 0, "max_bytes_ratio_before_external_group_by": 0,
		"max_bytes_before_external_sort": 0, "max_bytes_ratio_before_external_sort": 0,
	}))
}
