package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
)

// Store is the control store in one SQLite file. It is safe for concurrent use.
type Store struct {
	cfg      Config
	lock     *os.File
	write    *sql.DB // one connection
	read     *sql.DB
	readers  *readerPool // of Records
	sequence atomic.Uint64
	commitTx func(*sql.Tx) error // (*sql.Tx).Commit; tests let it fail

	mu     sync.Mutex // guards queue, busy, closed
	queue  []*pending
	busy   bool
	closed bool
	work   sync.WaitGroup
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
// it open: Open waits up to LockWait for another to end.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(cfg.Path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the control store: %w", err)
	}
	lock, err := acquire(ctx, cfg.Path+".lock", cfg.LockWait)
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, lock: lock, commitTx: (*sql.Tx).Commit}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	if err := private(s.cfg.Path); err != nil {
		return err
	}
	var err error
	if s.write, err = connect(s.cfg, "&_txlock=immediate"); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if err = migrate(ctx, s.write); err != nil {
		return err
	}
	if s.read, err = connect(s.cfg, "&_pragma=query_only(1)"); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(connections)
	s.read.SetMaxIdleConns(connections)
	records, err := connect(s.cfg, "&_pragma=query_only(1)&_pragma=cache_size(-32768)")
	if err != nil {
		return err
	}
	s.readers = newReaderPool(records, connections)
	h, err := s.Head(ctx)
	if err != nil {
		return err
	}
	s.sequence.Store(uint64(h.Sequence))
	return nil
}

// connections is how many connections read records, and how many read the rest.
const connections = 4

// Head is the end of the ledger's chain.
type Head struct {
	Sequence event.Sequence
	Hash     [32]byte
}

// Head reads the end of the chain from the disk.
func (s *Store) Head(ctx context.Context) (Head, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	h, err := readHead(ctx, s.read)
	if err != nil {
		return Head{}, fmt.Errorf("read the ledger's head: %w", err)
	}
	return h, nil
}

// querier is what *sql.DB and *sql.Tx have in common.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func readHead(ctx context.Context, q querier) (Head, error) {
	var seq int64
	var hash []byte
	err := q.QueryRowContext(ctx, `SELECT sequence, hash FROM head WHERE id = 1`).Scan(&seq, &hash)
	if err != nil {
		return Head{}, err
	}
	h := Head{Sequence: event.Sequence(seq)}
	if len(hash) != len(h.Hash) || seq < 0 {
		return Head{}, errors.New("the ledger's head is damaged")
	}
	copy(h.Hash[:], hash)
	return h, nil
}

// Sequence returns the sequence of the last change that was written, without
// I/O.
func (s *Store) Sequence() event.Sequence { return event.Sequence(s.sequence.Load()) }

// Ready says whether the store can be read now.
func (s *Store) Ready(ctx context.Context) error {
	_, err := s.Head(ctx)
	return err
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
	var errs []error
	if s.readers != nil {
		errs = append(errs, s.readers.close())
	}
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	errs = append(errs, s.lock.Close())
	return errors.Join(errs...)
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

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
