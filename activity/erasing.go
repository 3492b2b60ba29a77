package activity

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"zgoda/activity/erase"
	"zgoda/event"
)

// Erasing takes the rows of many people away at once. Whose they are stands in
// tables of the engine Memory, so that no statement and no disk has a pseudonym that
// it had not before. It belongs to one goroutine, and there is one at a time.
//
// Add, then Count, Copy where somebody is anonymised, Delete, Settle, Prove, End.
// After any error a new one is begun with the same people: nothing is lost by doing
// it twice.
type Erasing struct {
	store *Store
	table string // of whom
	rows  uint64 // in it
	some  bool   // somebody goes by windows or by purposes
	veils bool   // somebody is to be taken out of the column visitor
	copy  bool   // somebody is to be anonymised

	sealed bool // what is derived from it is there
}

// Errors of an Erasing.
var (
	// ErrErasingGone means that the server has lost whom the erasing is about, which it keeps
	// in memory only, or that another began: begin anew.
	ErrErasingGone = errors.New("whom to erase is gone from ClickHouse's memory: begin anew")
	// ErrLeft means that rows are left: begin anew.
	ErrLeft = errors.New("rows are left that are to be gone: begin anew")
	// ErrDetached means that a table has parts that were set aside and that nobody can
	// look into: attach or drop them.
	ErrDetached = errors.New("the table has detached parts, which may hold rows that are to be gone: attach or drop them (system.detached_parts)")
	// ErrMutation means that ClickHouse could not carry the deletion out; it was called off.
	ErrMutation = errors.New("clickhouse could not carry out the deletion, which was called off")
	// ErrRekeying means that rows are rewritten under new pseudonyms, for longer than is waited for.
	ErrRekeying error = rekeying{}
	// ErrErasing means that an erasure is under way, which a rewriting waits for.
	ErrErasing = errors.New("an erasure is under way")

	errSealed = errors.New("people are added before anything else")
)

// rekeying is a failure that passes by itself, with a class as those of the server have.
type rekeying struct{}

func (rekeying) Error() string { return "rows are being rewritten under new pseudonyms" }

// Class implements what says why something waits.
func (rekeying) Class() string { return "rekeying" }

const (
	erasingPrefix = "erasing_"
	stampPrefix   = "restamping_"
	keptPrefix    = "events_kept_"

	rekeyWait = time.Minute
	pollEvery = 200 * time.Millisecond
)

// What happens to a pseudonym's rows, in the tables of an Erasing. The smaller wins.
const (
	actErase = iota + 1
	actAnonymise
	actWithdraw
	actWithdrawAnonymise
	actVeil // the column visitor
)

// Erasing begins to take rows away. What an earlier one left behind is called off and
// taken away. It waits for a rewriting of pseudonyms that is under way (ErrRekeying).
func (s *Store) Erasing(ctx context.Context) (*Erasing, error) {
	if err := s.CallOff(ctx); err != nil {
		return nil, err
	}
	return s.erasing(ctx, erasingPrefix+fresh())
}

// erasing begins with a table of this name.
func (s *Store) erasing(ctx context.Context, name string) (*Erasing, error) {
	e := &Erasing{store: s, table: name}
	err := s.exec(ctx, "make the table of whom to erase", "CREATE TABLE {db}."+e.table+
		" (number UInt32, subject FixedString(16), act UInt8, mask UInt32, none UInt32, period UInt32, person UInt32,"+
		" windowed UInt8, received UInt8, since Int64, until Int64) ENGINE = Memory")
	if err == nil {
		err = s.waitForRekey(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.dropErasing(context.WithoutCancel(ctx)))
	}
	return e, nil
}

// CallOff takes away what an Erasing has left whose process is gone.
func (s *Store) CallOff(ctx context.Context) error {
	if err := s.kill(ctx, erasingPrefix); err != nil {
		return err
	}
	return s.dropErasing(ctx)
}

// kill calls off the mutations that name a table that begins so.
func (s *Store) kill(ctx context.Context, prefix string) error {
	return s.exec(ctx, "call a deletion off", "KILL MUTATION WHERE database = '{db}' AND NOT is_done AND position(command, '{db}."+prefix+"') > 0 SYNC")
}

func (s *Store) dropErasing(ctx context.Context) error { return s.dropRekeys(ctx, erasingPrefix) }

// waitForRekey waits until no copy of a rewriting is there: its exchange would bring
// back what is taken away meanwhile.
func (s *Store) waitForRekey(ctx context.Context) error {
	within, stop := context.WithTimeoutCause(ctx, rekeyWait, ErrRekeying)
	defer stop()
	for {
		n, err := s.tables(ctx, eventsCopyPrefix, linksCopyPrefix)
		if err != nil || n == 0 {
			return err
		}
		if err := pause(within, pollEvery); err != nil {
			return err
		}
	}
}

// noErasing returns ErrErasing while rows are taken away or given another end.
func (s *Store) noErasing(ctx context.Context) error {
	n, err := s.tables(ctx, erasingPrefix, stampPrefix)
	if err == nil && n > 0 {
		return ErrErasing
	}
	return err
}

// tables counts those whose names begin so.
func (s *Store) tables(ctx context.Context, prefixes ...string) (n uint64, err error) {
	err = s.conn.QueryRow(ctx, "SELECT count() FROM system.tables WHERE database = ? AND arrayExists(p -> startsWith(name, p), ?)", s.database, prefixes).Scan(&n)
	return n, classifyOrNil("look for tables of a rewriting", err)
}

// pause returns why ctx has ended, if it does before d has passed.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// acts are what happens to the rows of a person by their mode.
var acts = [...]uint8{
	erase.ModeErase: actErase, erase.ModeAnonymise: actAnonymise,
	erase.ModeWithdraw: actWithdraw, erase.ModeWithdrawAnonymise: actWithdrawAnonymise,
}

// whom are the columns of the table of whom to erase.
type whom struct {
	number                     []uint32
	subject                    [][]byte
	act                        []uint8
	mask, none, period, person []uint32
	windowed, received         []uint8
	since, until               []int64
}

func (w *whom) add(p *erase.Person, subject event.Handle, act uint8, in *erase.Window) {
	mask := uint32(0)
	if act == actWithdraw || act == actWithdrawAnonymise {
		mask = uint32(event.PurposeSet(0).With(p.Bit))
	}
	windowed, received, since, until := uint8(0), uint8(0), int64(0), int64(0)
	if in != nil {
		windowed, since, until = 1, in.From.UnixMilli(), lastTime
		if in.From.IsZero() {
			since = firstTime
		}
		if !in.To.IsZero() {
			until = in.To.UnixMilli()
		}
		if in.Received {
			received = 1
		}
	}
	w.number, w.subject, w.act, w.mask = append(w.number, p.Number), append(w.subject, subject[:]), append(w.act, act), append(w.mask, mask)
	w.none, w.period, w.person = append(w.none, uint32(p.Rests[event.ScopeNone])), append(w.period, uint32(p.Rests[event.ScopePeriod])), append(w.person, uint32(p.Rests[event.ScopePerson]))
	w.windowed, w.received, w.since, w.until = append(w.windowed, windowed), append(w.received, received), append(w.since, since), append(w.until, until)
}

func (w *whom) columns() []any {
	return []any{w.number, w.subject, w.act, w.mask, w.none, w.period, w.person, w.windowed, w.received, w.since, w.until}
}

// Add names people. Their pseudonyms travel as data and never touch a disk.
func (e *Erasing) Add(ctx context.Context, people []erase.Person) error {
	const act = "say whom to erase"
	if e.sealed {
		return fmt.Errorf("%s: %w", act, errSealed)
	}
	var w whom
	for i := range people {
		p := &people[i]
		if p.Mode == erase.ModeNone || int(p.Mode) >= len(acts) || p.Bit >= event.MaxPurposes {
			return classify(act, errValue)
		}
		what := acts[p.Mode]
		for _, h := range p.Whole {
			w.add(p, h, what, nil)
		}
		for j := range p.Windows {
			w.add(p, p.Windows[j].Subject, what, &p.Windows[j])
		}
		for _, h := range p.Visitors {
			w.add(p, h, actVeil, nil)
		}
		e.some = e.some || len(p.Windows) > 0 || what >= actWithdraw
		e.veils = e.veils || len(p.Visitors) > 0
		e.copy = e.copy || what == actAnonymise || what == actWithdrawAnonymise
	}
	for _, h := range w.subject {
		if event.Handle(h).IsZero() {
			return classify(act, errValue) // the rows of nobody
		}
	}
	if len(w.subject) == 0 {
		return nil
	}
	names := []string{"number", "subject", "act", "mask", "none", "period", "person", "windowed", "received", "since", "until"}
	if err := e.store.insertColumns(ctx, act, e.table, names, w.columns()); err != nil {
		return err
	}
	e.rows += uint64(len(w.subject))
	return nil
}

// insertColumns stores columns of one length as one block.
func (s *Store) insertColumns(ctx context.Context, act, table string, names []string, values []any) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"insert_deduplicate": 0, "async_insert": 0}))
	batch, err := s.conn.PrepareBatch(ctx, s.insertInto(table, names))
	if err != nil {
		return classify(act, err)
	}
	defer func() { _ = batch.Close() }()
	for i, v := range values {
		if err := batch.Column(i).Append(v); err != nil {
			_ = batch.Abort()
			return classify(act, err)
		}
	}
	return classifyOrNil(act, batch.Send())
}

// End takes the tables away. Whatever happened before, nothing of the Erasing is left.
func (e *Erasing) End(ctx context.Context) error { return e.store.CallOff(ctx) }

// there returns ErrErasingGone unless the server still knows whom all this is about.
// It only ever loses all: what is whole after a statement was so while it ran.
func (e *Erasing) there(ctx context.Context) error {
	var n uint64
	err := e.one(ctx, "count whom to erase", "SELECT count() FROM {db}."+e.table, &n)
	if refused, ok := errors.AsType[*Error](err); ok && refused.Code == codeUnknownTable {
		return ErrErasingGone
	}
	if err == nil && n != e.rows {
		return ErrErasingGone
	}
	return err
}

// one asks for one row.
func (e *Erasing) one(ctx context.Context, act, query string, into ...any) error {
	return classifyOrNil(act, e.store.conn.QueryRow(e.heavy(ctx), e.text(query)).Scan(into...))
}

// do runs a statement that may take long.
func (e *Erasing) do(ctx context.Context, act, statement string) error {
	return e.store.exec(e.heavy(ctx), act, e.text(statement))
}

// text names the tables, {db}, {who} and what is derived from it, which rows are meant
// and what happens to them.
func (e *Erasing) text(statement string) string {
	statement = strings.NewReplacer("{going}", e.going(), "{keeping}", e.keeping()).Replace(statement)
	return strings.NewReplacer("{db}", e.store.database, "{who}", e.store.database+"."+e.table, "{nobody}", emptyHandle,
		"{erase}", strconv.Itoa(actErase), "{anonymise}", strconv.Itoa(actAnonymise), "{withdraw}", strconv.Itoa(actWithdraw), "{veil}", strconv.Itoa(actVeil),
		"{withdrawAnonymise}", strconv.Itoa(actWithdrawAnonymise),
	).Replace(statement)
}

// heavy gives a statement what it needs beside inserts and reads of others: as long
// as it takes, little of the machine, nothing spilled to a disk, and nothing answered
// from a cache or past a mask of rows that are still in the files.
func (e *Erasing) heavy(ctx context.Context) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"max_execution_time": 0, "join_use_nulls": 0, "join_algorithm": "hash", "insert_deduplicate": 0, "async_insert": 0,
		"max_threads": 2, "max_insert_threads": 1, "allow_nondeterministic_mutations": 1, "mutations_sync": 0,
		"max_bytes_before_external_group_by": 0, "max_bytes_ratio_before_external_group_by": 0,
		"max_bytes_before_external_sort": 0, "max_bytes_ratio_before_external_sort": 0,
		"apply_deleted_mask": 0, "use_query_condition_cache": 0, "use_query_cache": 0, "use_skip_indexes": 0,
	}))
}
