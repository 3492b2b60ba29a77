package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
)

// Store is the control store: in one SQLite file, or in a PostgreSQL database that
// several nodes share. It is safe for concurrent use.
type Store struct {
	cfg      Config
	db       database
	sequence atomic.Uint64
	written  atomic.Uint64 // entries

	mu     sync.Mutex // guards queue, busy, closed
	queue  []*pending
	busy   bool
	closed bool
	work   sync.WaitGroup
}

// database is what SQLite and PostgreSQL each do in their own way.
type database interface {
	// begin begins a transaction that appends, beside which no other one of any
	// node runs.
	begin(ctx context.Context) (writing, error)
	// settled says whether a commit that failed may have been done after all. When
	// it says no, the changes are surely not there.
	settled(wanted ends) bool
	// groupEntries bounds the entries of one transaction.
	groupEntries() int
	// records reads one snapshot for all lookups.
	records(ctx context.Context, lookups []Lookup, out []Found) (event.Sequence, error)
	// plain reads and changes reads and writes what is asked for rarely.
	plain() *sql.DB
	changes() *sql.DB
	// isolation is that of a transaction which reads one snapshot.
	isolation() sql.IsolationLevel
	watch(ctx context.Context, hear func(Heard)) error
	// overwrite ends what files still hold of rows as they were.
	overwrite(ctx context.Context) error
	close() error
}

// writing is one transaction that appends.
type writing interface {
	// known reads the ends, and the facts that are asked for.
	known(ctx context.Context, f *facts) (ends, error)
	// put writes the rows and the state of a batch and returns, by the place in
	// its reaches, whom they affect; nil when there are too many.
	put(ctx context.Context, b *batch) ([][]event.Handle, error)
	// commit moves the ends on and commits; the other nodes hear of the change.
	commit(ctx context.Context, b *batch, all Change) error
	rollback(ctx context.Context) error
}

// Change is what one Append did.
type Change struct {
	// Sequence of the last entry: a Record of at least this sequence knows it.
	Sequence event.Sequence
	// Affected are the consent handles whose Records changed: the subjects, the
	// contacts in conflict with them, and the visitors linked to any of these. One
	// may be named twice.
	Affected []event.Handle
	// Everyone is true when more than MaxAffected are affected: none is named
	// then, and whoever holds Records must read them again.
	Everyone bool
}

// The errors that callers tell apart.
var (
	ErrClosed  = errors.New("the control store is closed")
	ErrBusy    = errors.New("too many changes wait for the control store")
	ErrUnknown = errors.New("the control store does not say whether the change was written")
	ErrInUse   = errors.New("the control store is in use by another process")
	ErrNewer   = errors.New("the control store was made by a newer version of this program; use that version")
	ErrExposed = errors.New("the control store's file may be read by others; make it 0600")
)

// Open opens the store, making or migrating it as needed. One process alone has
// a SQLite file open, or a shared store under one node's name: Open waits up to
// LockWait for another to end, and returns ErrInUse or ErrNodeTaken then.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	open := openSQLite
	if cfg.Address != "" {
		open = openPostgres
	}
	db, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, db: db}
	at, err := readSequence(ctx, db.plain())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the ledger's head: %w", err), s.Close())
	}
	s.reached(at)
	return s, nil
}

// reached notes that the store is at a sequence at least.
func (s *Store) reached(at event.Sequence) {
	for {
		was := s.sequence.Load()
		if was >= uint64(at) || s.sequence.CompareAndSwap(was, uint64(at)) {
			return
		}
	}
}

// Writer returns the name under which this node writes its chain.
func (s *Store) Writer() ledger.Writer { return s.cfg.Node }

// Written is how many entries this process has written to the ledger.
func (s *Store) Written() uint64 { return s.written.Load() }

// Shared says whether other nodes may change the store: then Watch tells of it.
func (s *Store) Shared() bool { return s.cfg.Address != "" }

// Watch hands over what changes in a shared store, this node's own changes too,
// in their order, until ctx ends. It connects again by itself, and returns
// ErrNodeTaken when another process has taken this node's name meanwhile. One
// Watch at a time.
func (s *Store) Watch(ctx context.Context, hear func(Heard)) error {
	return s.db.watch(ctx, func(h Heard) {
		s.reached(h.Through)
		hear(h)
	})
}

// querier is what *sql.DB and *sql.Tx have in common.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func readSequence(ctx context.Context, q querier) (event.Sequence, error) {
	var at int64
	if err := q.QueryRowContext(ctx, `SELECT sequence FROM head WHERE id = 1`).Scan(&at); err != nil {
		return 0, err
	}
	if at < 0 {
		return 0, errHead
	}
	return event.Sequence(at), nil
}

// errHead is returned for ends that are not of the shape that was written.
var errHead = errors.New("the ledger's head is damaged")

// Head reads the end of this node's chain; its Number is 0 before the first
// entry.
func (s *Store) Head(ctx context.Context) (ledger.Head, error) {
	heads, err := s.Heads(ctx)
	for _, h := range heads {
		if h.Writer == s.cfg.Node {
			return h, err
		}
	}
	return ledger.Head{Writer: s.cfg.Node}, err
}

// Heads reads the ends of all writers' chains, by name.
func (s *Store) Heads(ctx context.Context) ([]ledger.Head, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	heads, err := readHeads(ctx, s.db.plain())
	if err != nil {
		return nil, fmt.Errorf("read the ledger's heads: %w", err)
	}
	return heads, nil
}

func readHeads(ctx context.Context, q querier) (heads []ledger.Head, err error) {
	err = all(ctx, q, `SELECT name, number, sequence, hash FROM writer ORDER BY name`, nil, func(rows *sql.Rows) error {
		var h ledger.Head
		var number, seq int64
		var hash []byte
		if err := rows.Scan((*string)(&h.Writer), &number, &seq, &hash); err != nil {
			return err
		}
		if number < 1 || seq < 1 || len(hash) != len(h.Hash) {
			return errHead
		}
		h.Number, h.Sequence = ledger.Number(number), event.Sequence(seq)
		copy(h.Hash[:], hash)
		heads = append(heads, h)
		return nil
	})
	return heads, err
}

func all(ctx context.Context, q querier, query string, args []any, scan func(*sql.Rows) error) (err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Sequence returns the sequence of the last change that this node wrote or heard
// of, without I/O.
func (s *Store) Sequence() event.Sequence { return event.Sequence(s.sequence.Load()) }

// Ready says whether the store can be read now.
func (s *Store) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	if _, err := readSequence(ctx, s.db.plain()); err != nil {
		return fmt.Errorf("read the ledger's head: %w", err)
	}
	return nil
}

// Close waits for the changes under way, and closes the store. Twice is fine.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.work.Wait()
	return s.db.close()
}

// SetProfiling writes the switch of one data subject: off refuses all purposes
// of kind profiling, on lifts that and grants nothing.
func (s *Store) SetProfiling(ctx context.Context, site event.SiteID, subject event.Handle, enabled bool, actor, reason string) (Change, error) {
	state := ledger.StateProfilingOff
	if enabled {
		state = ledger.StateProfilingOn
	}
	return s.Append(ctx, ledger.Entry{
		Site: site, Subject: subject, State: state, Type: ledger.EventExplicit,
		Channel: ledger.ChannelOperator, Actor: actor, Reason: reason, At: now(),
	})
}

// Link records that a visitor is a contact's. A link that is there already
// writes nothing; the Change then has the sequence of the link.
func (s *Store) Link(ctx context.Context, site event.SiteID, contact, visitor event.Handle) (Change, error) {
	return s.Append(ctx, ledger.Entry{
		Site: site, Subject: contact, Linked: visitor, State: ledger.StateLinked,
		Type: ledger.EventImplied, Channel: ledger.ChannelEvent, At: now(),
	})
}

// SetCountry records where a data subject lives, by its ISO 3166 code ("SK",
// "US-CA"); empty: not known any more. It goes with the subject.
func (s *Store) SetCountry(ctx context.Context, site event.SiteID, subject event.Handle, country, actor, reason string) (Change, error) {
	return s.Append(ctx, ledger.Entry{
		Site: site, Subject: subject, State: ledger.StateLocated, Type: ledger.EventExpressed, Country: country,
		Channel: ledger.ChannelOperator, Actor: actor, Reason: reason, At: now(),
	})
}

// SetMinor records when a data subject comes of full age; the zero time: it is
// not known to be a minor. It goes with the subject.
func (s *Store) SetMinor(ctx context.Context, site event.SiteID, subject event.Handle, until time.Time, actor, reason string) (Change, error) {
	return s.Append(ctx, ledger.Entry{
		Site: site, Subject: subject, State: ledger.StateMinor, Type: ledger.EventExpressed, Until: until,
		Channel: ledger.ChannelOperator, Actor: actor, Reason: reason, At: now(),
	})
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
